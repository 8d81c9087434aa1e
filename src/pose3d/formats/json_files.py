"""JSON of other programs, read in bounded memory."""

import json
import os
from typing import Any

from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import read_small_text

MAX_JSON_BYTES = 256 * 2**20
"""Of one file: an hour of COCO's keypoints of three people at 30 frames a second."""
MAX_BRACKETS = 8_000_000
"""Lists and dicts in one file. Each takes some 60 bytes at least, however short its text is."""
MAX_NUMBERS = 20_000_000
"""In one file, counted by commas. Each takes 40 bytes, of text perhaps two; an hour of three people has 17 million."""


def read_json(path: str | os.PathLike) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: the file cannot be read, is too large, or is not whole JSON; says where it breaks off.
    """
    try:
        text = read_small_text(path, MAX_JSON_BYTES).removeprefix("\ufeff")
        n_brackets = text.count("{") + text.count("[")
        if n_brackets > MAX_BRACKETS:
            raise InputError(f"{path} has {n_brackets:,} lists and dicts, {MAX_BRACKETS:,} are the most: cut it up")
        n_numbers = text.count(",")
        if n_numbers > MAX_NUMBERS:
            raise InputError(f"{path} has {n_numbers:,} numbers, {MAX_NUMBERS:,} are the most: cut it up")
        return json.loads(text)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of keypoints") from None
    except RecursionError:
        raise InputError(f"{path} nests lists too deeply to be keypoints: give another file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is neither text nor an npz file: give a file of keypoints") from None
    except ValueError as error:
        raise InputError(f"{path} is not whole JSON ({in_words(error)}): write or fetch it again") from None
