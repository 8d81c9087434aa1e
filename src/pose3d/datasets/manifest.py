"""manifest.json: what a folder of data holds."""

import json
import os
from pathlib import Path

from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_folder, sha256_of, write_text

MANIFEST = "manifest.json"
"""In a folder of files from elsewhere: what they are."""


def check_manifest(folder: Path) -> None:
    """Compare a folder of files from packages with the hashes that its manifest has of them.

    Raises:
        InputError: the manifest is missing or damaged; a file is missing, another, or not in the manifest.
    """
    manifest, remedy = folder / MANIFEST, "run `dvc repro --force --single-item download`"
    try:
        packages = json.loads(manifest.read_text(encoding="utf-8"))
        hashes = {name: entry["sha256"] for package in packages.values() for name, entry in package["files"].items()}
    except FileNotFoundError:
        raise InputError(f"{manifest} is missing: {remedy}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{manifest} is not a manifest of packages ({in_words(error)}): {remedy}") from None
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    del found[MANIFEST]
    for name in sorted(hashes.keys() | found.keys()):
        if name not in found or name not in hashes or sha256_of(found[name]) != hashes[name]:
            raise InputError(f"{folder / name} is not as {manifest} describes it: {remedy}")


LISTED_SUFFIXES = frozenset({".cdf", ".h5", ".json", ".mat", ".mp4", ".npz"})
"""Single images are left out: there may be millions, and each is named in frames.h5."""


def list_own_files(source: str, folder: Path, output: Path) -> dict[str, int]:
    """Write ``output/manifest.json`` with the size of every file of the data set; nothing is copied.

    DVC does not watch the user's folder. A stage that depends on the manifest runs again once it was made anew and
    sizes differ.

    Args:
        source: ``dataset.source``, which the manifest names too.
        folder: of the data set.
        output: folder of the manifest, made anew.

    Returns:
        size in bytes by path relative to the folder, sorted.

    Raises:
        InputError: the folder holds no such file.
    """
    found = [
        Path(parent) / name
        for parent, _, names in os.walk(folder, followlinks=True)  # subjects may lie on several disks
        for name in names
        if Path(name).suffix in LISTED_SUFFIXES
    ]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(found)}
    if not sizes:
        known = ", ".join(sorted(LISTED_SUFFIXES))
        raise InputError(f"{folder} holds no file of a data set ({known}); docs/datasets.md shows what belongs there")
    with atomic_folder(output) as partial:
        content = {"source": source, "files_bytes": sizes}
        write_text(partial / MANIFEST, json.dumps(content, indent=2) + "\n")
    return sizes
