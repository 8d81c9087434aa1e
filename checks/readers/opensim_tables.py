"""A TRC file as opensim's TimeSeriesTableVec3 reads it."""

import json
import sys

import opensim

table = opensim.TimeSeriesTableVec3(sys.argv[1])
names = list(table.getColumnLabels())
columns = [table.getDependentColumn(name) for name in names]
positions = [[[column[t][axis] for axis in range(3)] for column in columns] for t in range(table.getNumRows())]
rate = float(table.getTableMetaDataAsString("DataRate"))
read = {"names": names, "positions": positions, "rate": rate, "version": opensim.GetVersion()}
print("READ", json.dumps(read), "\nEND")
