"""``python -m pose3d.predict`` of earlier releases, now ``pose3d predict``."""

from pose3d.commands.run import old_form

if __name__ == "__main__":
    old_form("predict")
