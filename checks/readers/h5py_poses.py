"""The first sequence of a sequences.h5 as another version of h5py reads it."""

import json
import sys

import h5py

with h5py.File(sys.argv[1], "r") as file:
    groups = []
    file.visititems(
        lambda name, item: groups.append(name.rpartition("/")[0]) if isinstance(item, h5py.Dataset) else None
    )
    group = file[groups[0]]
    read = {
        "positions": group["poses_world_m"][...].tolist(),
        "rate": float(group.attrs["fps"]),
        "version": f"{h5py.__version__}, HDF5 {h5py.version.hdf5_version}",
    }
print("READ", json.dumps(read), "\nEND")
