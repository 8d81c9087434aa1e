"""Types that all blocks of params are made of."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pose3d.runtime.errors import InputError


def _not_true(value: Any) -> Any:
    """Pydantic would take true for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


Number = BeforeValidator(_not_true)
"""Belongs to the type of every number."""
PositiveInt = Annotated[int, Number, Field(gt=0)]
PositiveFloat = Annotated[float, Number, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Number, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Number, Field(ge=0, le=1)]
BelowOne = Annotated[float, Number, Field(ge=0, lt=1)]
Seed = Annotated[int, Number, Field(ge=0, lt=2**32)]


class Block(BaseModel):
    """A block of params: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def directly_in(folder: str) -> Callable[[str | None], str | None]:
    """Validator of a file's name: DVC watches that folder only, and a file elsewhere could change unnoticed."""

    def validate(file: str | None) -> str | None:
        if file is not None and not re.fullmatch(rf"{folder}/[^/]+", file):
            raise ValueError(
                f"copy the file to {folder}/ (also a trained one of data/models) and name it {folder}/NAME"
            )
        return file

    return validate


def require_init_file(key: str, file: str | None) -> None:
    """Look for the weights that a training starts from, from the repository's root.

    Raises:
        InputError: they are not there, or a folder.
    """
    if file is not None and not Path(file).is_file():
        what = "is a folder" if Path(file).is_dir() else "is missing"
        raise InputError(
            f"{key} names {file}, which {what}: put it there as pretrained/README.md says, or set init to null"
        )
