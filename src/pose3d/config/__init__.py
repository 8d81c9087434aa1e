"""params.yaml (the method), data_sets/<data>.yaml and sizes/<size>.yaml, merged into frozen, typed blocks.

A stage loads only the blocks that it reads, each from its own module here, so that a new key of one stage leaves the
others' results valid. :mod:`pose3d.config.check` checks everything at once.
"""
