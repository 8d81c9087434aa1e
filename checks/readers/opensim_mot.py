"""A MOT file as opensim reads it: the columns x, y and z as the path of the joint Hip."""

import json
import sys

import opensim

table = opensim.TimeSeriesTable(sys.argv[1])
columns = [table.getDependentColumn(axis) for axis in "xyz"]
times_s = list(table.getIndependentColumn())
positions = [[[column[t] for column in columns]] for t in range(len(times_s))]
print(
    "READ",
    json.dumps({"names": ["Hip"], "positions": positions, "times_s": times_s, "version": opensim.GetVersion()}),
    "\nEND",
)
