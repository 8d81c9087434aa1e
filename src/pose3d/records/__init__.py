"""The HDF5 contract between stages, and the files of others that are read like it."""
