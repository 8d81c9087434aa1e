"""params.yaml (the method) and profiles/<profile>.yaml (the scale), merged into frozen, typed blocks.

A stage loads only the blocks that it reads, each from its own module here, so that a new key of one stage leaves the
others' results valid. :mod:`pose3d.config.check` checks everything at once.
"""
