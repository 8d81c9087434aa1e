"""Stage download: the motion capture files of pinned Python packages to data/raw/, with a manifest."""

from pathlib import Path

from pose3d.datasets.packages import PACKAGES, fetch_packages
from pose3d.errors import run_stage

OUTPUT = Path("data/raw")


def main() -> None:
    for name, entry in fetch_packages(PACKAGES, OUTPUT).items():
        print(f"{name} {entry['version']} ({entry['licence']}): {len(entry['files'])} files")


if __name__ == "__main__":
    run_stage(main)
