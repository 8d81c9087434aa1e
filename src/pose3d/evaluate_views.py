"""``python -m pose3d.evaluate_views`` of earlier releases, now ``pose3d evaluate-views``."""

from pose3d.commands.run import old_form

if __name__ == "__main__":
    old_form("evaluate-views")
