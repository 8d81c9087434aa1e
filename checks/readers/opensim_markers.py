"""A TRC file as opensim's MarkersReference reads it, which turns millimetres into metres."""

import json
import sys

import opensim

markers = opensim.MarkersReference(sys.argv[1], opensim.SetMarkerWeights())
table = markers.getMarkerTable()
names = list(table.getColumnLabels())
times_s = list(table.getIndependentColumn())
columns = [table.getDependentColumn(name) for name in names]
positions = [[[column[t][axis] for axis in range(3)] for column in columns] for t in range(len(times_s))]
print(
    "READ",
    json.dumps({"names": names, "positions": positions, "times_s": times_s, "version": opensim.GetVersion()}),
    "\nEND",
)
