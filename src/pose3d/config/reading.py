"""Reading and merging params.yaml, and the data set and the size that it names.

Each key is in exactly one of the three files, so that ``dvc exp run -S`` on any of them always has an effect.
"""

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pose3d.config.former_names import refuse_former_keys, refuse_profile
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import read_small_text

PARAMS_FILE = Path("params.yaml")
DATA_SETS_FOLDER = Path("data_sets")
SIZES_FOLDER = Path("sizes")


class StageParams(BaseModel):
    """Base of what a stage reads: one field per block, named as in the files; other blocks are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def load(cls, root: Path = Path(".")) -> Self:
        """Read the blocks from params.yaml, and the data set and the size it names.

        Raises:
            InputError: a missing file, an unknown data set or size, an unknown, missing, duplicate or mistyped key.
        """
        merged, files = read_merged(root)
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            raise InputError(f"{files}: {_sentence(error, merged)}") from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice instead of silently keeping the last, and aliases.

    A few lines of aliases of aliases can expand to more values than any memory holds.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            place = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases are not read, write the value out", problem_mark=place)
        return super().compose_node(parent, index)


def _mapping_without_duplicates(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
    keys = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in keys:
            raise InputError(
                f"{key_node.start_mark.name}: key '{key}' is written twice (again on line "
                f"{key_node.start_mark.line + 1}); keep one of them"
            )
        keys.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        InputError: missing, not YAML, a duplicate key, or not a mapping.
    """
    try:
        loader = _UniqueKeyLoader(read_small_text(path))
        loader.name = str(path)
        content = loader.get_single_data()
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run from the root of the repository") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # of invalid keys and values
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold keys and values")
    return content


def read_merged(root: Path, data: str | None = None, size: str | None = None) -> tuple[dict[str, Any], str]:
    """The three files as one mapping, and their names for error messages.

    Args:
        root: of the repository.
        data, size: in place of those that params.yaml chooses.

    Raises:
        InputError: a file is missing, the data set or the size is unknown, a key is in two files, or it has the name of
            an earlier version.
    """
    params_path = root / PARAMS_FILE
    method = read_yaml(params_path)
    if "profile" in method:
        refuse_profile(method["profile"], params_path)
    method |= {key: name for key, name in (("data", data), ("size", size)) if name is not None}
    data_path = _chosen(method, "data", root / DATA_SETS_FOLDER, params_path)
    size_path = _chosen(method, "size", root / SIZES_FOLDER, params_path)
    files = f"{params_path} with {data_path} and {size_path}"
    merged: dict[str, Any] = {}
    file_of: dict[str, Path] = {}
    for path, blocks in ((params_path, method), (data_path, read_yaml(data_path)), (size_path, read_yaml(size_path))):
        for block, values in blocks.items():
            in_block = isinstance(values, dict)
            if in_block:
                refuse_former_keys(values, block, path)
            for key in [f"{block}.{key}" for key in values] if in_block else [block]:
                if key in file_of:
                    raise InputError(f"key '{key}' is in both {file_of[key]} and {path}; keep one of them")
                file_of[key] = path
            if block in merged and not (in_block and isinstance(merged[block], dict)):
                raise InputError(f"{files}: '{block}' is a value in one file and a block of keys in another; keep one")
            merged[block] = {**merged.get(block, {}), **values} if in_block else values
    return merged, files


def _chosen(method: dict[str, Any], key: str, folder: Path, params_path: Path) -> Path:
    """The file of the data set or size that params.yaml names."""
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    name = method.get(key)
    if name not in known:
        raise InputError(f"{params_path}: {key} '{name}' is unknown; choose one of {', '.join(known)}")
    return folder / f"{name}.yaml"


def _sentence(error: ValidationError, merged: dict[str, Any]) -> str:
    """The first problem, with the key as it is written in the files."""
    first = error.errors()[0]
    key: list[str] = []
    value: Any = merged
    for part in first["loc"]:
        if isinstance(value, dict) and part not in value and part != first["loc"][-1]:
            continue  # pydantic's name for a variant of a block, which is no key
        key.append(str(part))
        value = value.get(part) if isinstance(value, dict) else None
    problem = {
        "extra_forbidden": "is not a known key; remove it or correct its spelling",
        "missing": "is missing; add it to one of them",
    }.get(first["type"], f"{first['msg']}, not {first['input']!r}" if key else first["msg"])
    return f"{'.'.join(key)} {problem}".lstrip()
