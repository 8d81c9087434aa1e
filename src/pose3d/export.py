"""``python -m pose3d.export`` of earlier releases, now ``pose3d export``."""

from pose3d.commands.run import old_form

if __name__ == "__main__":
    old_form("export")
