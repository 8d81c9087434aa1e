"""``python -m pose3d.demo`` of earlier releases, now ``pose3d demo``."""

from pose3d.commands.run import old_form

if __name__ == "__main__":
    old_form("demo")
