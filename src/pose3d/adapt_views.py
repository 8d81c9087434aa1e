"""``python -m pose3d.adapt_views`` of earlier releases, now ``pose3d adapt-views``."""

from pose3d.commands.run import old_form

if __name__ == "__main__":
    old_form("adapt-views")
