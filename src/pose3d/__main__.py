"""``python -m pose3d``, the same as ``pose3d``."""

from pose3d.commands.run import main

if __name__ == "__main__":
    main()
