"""Which models a prediction takes where nobody says: those that were trained here, else those of the repository."""

import sys
from pathlib import Path

from pose3d.runtime.errors import InputError

TRAINED, RELEASED, EXPORTED = Path("data/models"), Path("models"), Path("data/onnx")
"""Written by the pipeline, by :mod:`pose3d.commands.release`, and by :mod:`pose3d.onnx.export`."""


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
