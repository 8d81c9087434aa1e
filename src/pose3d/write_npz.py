"""``python -m pose3d.write_npz`` of earlier releases, now ``pose3d write-npz``."""

from pose3d.commands.run import old_form

if __name__ == "__main__":
    old_form("write-npz")
