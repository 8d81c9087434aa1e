"""``python -m pose3d.check_data`` of earlier releases, now ``pose3d check-data``."""

from pose3d.commands.run import old_form

if __name__ == "__main__":
    old_form("check-data")
