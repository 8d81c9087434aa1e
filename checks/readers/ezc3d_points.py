"""A C3D file as ezc3d reads it."""

import json
import sys
from importlib.metadata import version

import ezc3d

content = ezc3d.c3d(sys.argv[1])
points = content["data"]["points"][:3].transpose(2, 1, 0)
read = {
    "names": content["parameters"]["POINT"]["LABELS"]["value"],
    "positions": points.tolist(),
    "rate": float(content["parameters"]["POINT"]["RATE"]["value"][0]),
    "version": version("ezc3d"),
}
print("READ", json.dumps(read), "\nEND")
