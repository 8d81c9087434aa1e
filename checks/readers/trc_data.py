"""A TRC file as trc-data-reader reads it."""

import json
import sys
from importlib.metadata import version

from trc import TRCData

data = TRCData()
data.load(sys.argv[1])
names = list(data["Markers"])
frames = len(data[names[0]])
positions = [[[float(value) for value in data[name][t]] for name in names] for t in range(frames)]
read = {"names": names, "positions": positions, "rate": float(data["DataRate"]), "version": version("trc-data-reader")}
print("READ", json.dumps(read), "\nEND")
