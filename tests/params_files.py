"""params.yaml with a data set and a size, as tests need them: the committed ones with some keys changed."""

from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
PEOPLE = {"keypoints_subjects": ["S1"], "prior": [{"subjects": ["S7"]}]}
"""Block ``lifting`` for the random people of tests/people.py."""


def write_params(folder: Path, data: str = "embedded", size: str = "smoke", **blocks: dict[str, Any]) -> None:
    """Write the three files; each changed key into the one that has it.

    Args:
        folder: becomes a repository's root, as far as params go.
        data, size: the committed ones to start from.
        blocks: keys to change, by block. A block ``dataset`` with a source replaces the whole block.
    """
    paths = [Path("params.yaml"), Path(f"data_sets/{data}.yaml"), Path(f"sizes/{size}.yaml")]
    files = [yaml.safe_load((REPOSITORY / path).read_text()) for path in paths]
    files[0] |= {"data": data, "size": size}
    for block, values in blocks.items():
        if block == "dataset" and "source" in values:
            files[1][block] = values
            continue
        for key, value in values.items():
            (holder,) = (file for file in files if key in file.get(block, {}))
            holder[block][key] = value
    for path, content in zip(paths, files, strict=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(content))
