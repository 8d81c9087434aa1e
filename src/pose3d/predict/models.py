"""Which models a prediction takes where nobody says: those that were trained here, else those of the repository."""

import sys
from pathlib import Path

from pose3d.runtime.errors import InputError
from pose3d.runtime.files import require_files

TRAINED, RELEASED, EXPORTED = Path("data/models"), Path("models"), Path("data/onnx")
"""Written by the pipeline, by :mod:`pose3d.commands.release`, and by :mod:`pose3d.onnx.export`."""


def lifter_file(part: str, layout: str) -> str:
    """Name of a released lifter's file: Human3.6M's layout is not said, because those came first.

    Args:
        part: repnet or temporal.
        layout: of the keypoints that it takes, a name of :data:`pose3d.geometry.layouts.LAYOUTS`.

    Example:
        >>> lifter_file("temporal", "h36m17"), lifter_file("temporal", "coco17")
        ('temporal.pt', 'temporal.coco17.pt')
    """
    return f"{part}.pt" if layout == "h36m17" else f"{part}.{layout}.pt"


def default_models(runtime: str) -> Path:
    """The folder of the models, from the repository's root; says which one that is.

    Args:
        runtime: torch: as soon as one was trained here no released one is used, so that none is mixed with them; or
            onnx, of which there are exported ones only.

    Raises:
        InputError: there are none.
    """
    if runtime == "onnx":
        return EXPORTED
    for folder in (TRAINED, RELEASED):
        if any(folder.glob("*.pt")):
            print(f"with the models of {folder}", file=sys.stderr)
            return folder
    raise InputError(f"neither {TRAINED} nor {RELEASED} has models: run from the root of the repository")


def has_lifters(layout: str, folder: Path | None) -> bool:
    """Whether there are files that are named as both lifters of a layout.

    Args:
        layout, folder: see :func:`lifter_paths`.
    """
    return any(all(path.exists() for path in _lifters(layout, one).values()) for one in _folders(folder))


def lifter_paths(path: str, layout: str, folder: Path | None) -> dict[str, Path]:
    """The files of both lifters for a layout; says whose they are where nobody names a folder.

    Args:
        path: of the keypoints, for messages.
        layout: of the keypoints, a name of :data:`pose3d.geometry.layouts.LAYOUTS`.
        folder: of the files, where those of any layout may have the plain names too; None: those that were trained
            here, else the released ones.

    Raises:
        InputError: there are none for that layout; says for which there are.
    """
    from pose3d.geometry.layouts import LAYOUTS  # here, because help goes without NumPy

    folders = _folders(folder)
    for one in folders:
        paths = _lifters(layout, one)
        if all(path.exists() for path in paths.values()):
            if folder is None:
                print(f"with the models of {one}", file=sys.stderr)
            return paths
    if folder is not None and all((folder / f"{part}.pt").exists() for part in paths):
        return {part: folder / f"{part}.pt" for part in paths}  # of which layout they are shows when they are read
    have = [known.name for known in LAYOUTS if has_lifters(known.name, folder)]
    if not have:
        where = " or ".join(map(str, folders))
        raise InputError(f"{where} has lifters for no layout: run from the root of the repository, or give --models")
    raise InputError(f"{path} is of {layout}, which no lifter takes here; there are lifters for {', '.join(have)}")


def _folders(folder: Path | None) -> tuple[Path, ...]:
    return (TRAINED, RELEASED) if folder is None else (folder,)


def _lifters(layout: str, folder: Path) -> dict[str, Path]:
    return {part: folder / lifter_file(part, layout) for part in ("repnet", "temporal")}


def require_models(folder: Path, runtime: str) -> None:
    """Look for the 2D network and the two lifters of a folder, before what takes seconds to load.

    Where the pipeline has trained some of them only, the released ones are named, because training the rest takes long.

    Args:
        runtime: torch or onnx.

    Raises:
        InputError: names the first that is not there.
    """
    names = ("pose2d", "repnet", "temporal")
    if runtime == "onnx":
        require_files(*(folder / f"{name}.onnx" for name in names), remedy="run `pose3d export` to write it")
    else:
        remedy = "run `make repro` (or `dvc repro`) to make it"
        if folder == TRAINED:
            remedy += f", or give --models {RELEASED} for the released ones"
        require_files(*(folder / f"{name}.pt" for name in names), remedy=remedy)
