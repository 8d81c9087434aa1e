"""Reading and merging params.yaml and the profile that it names.

Each key is in exactly one of the two files, so that ``dvc exp run -S`` on either file always has an effect.
"""

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pose3d.runtime.errors import InputError
from pose3d.runtime.files import read_small_text

PARAMS_FILE = Path("params.yaml")
PROFILES_FOLDER = Path("profiles")


class StageParams(BaseModel):
    """Base of what a stage reads: one field per block, named as in the files; other blocks are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def load(cls, root: Path = Path(".")) -> Self:
        """Read the blocks from params.yaml and the profile it names.

        Raises:
            InputError: a missing file, an unknown profile, an unknown, missing, duplicate or mistyped key.
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


def read_merged(root: Path) -> tuple[dict[str, Any], str]:
    """Both files as one mapping, and their names for error messages.

    Raises:
        InputError: a file is missing, the profile is unknown, or a key is in both.
    """
    params_path = root / PARAMS_FILE
    method = read_yaml(params_path)
    profile = method.get("profile")
    profile_path = root / PROFILES_FOLDER / f"{profile}.yaml"
    known = sorted(path.stem for path in (root / PROFILES_FOLDER).glob("*.yaml"))
    if profile not in known:
        raise InputError(f"{params_path}: profile '{profile}' is unknown; choose one of {', '.join(known)}")
    merged = dict(method)
    for block, values in read_yaml(profile_path).items():
        if block not in method:
            merged[block] = values
        elif not isinstance(values, dict) or not isinstance(method[block], dict):
            raise InputError(f"key '{block}' is in both {params_path} and {profile_path}; keep one of them")
        else:
            twice = sorted(set(values) & set(method[block]))
            if twice:
                raise InputError(
                    f"key '{block}.{twice[0]}' is in both {params_path} and {profile_path}; keep one of them"
                )
            merged[block] = {**method[block], **values}
    return merged, f"{params_path} with {profile_path}"


def _sentence(error: ValidationError, merged: dict[str, Any]) -> str:
    """The first problem, with the key as it is written in the files."""
    first = error.errors()[0]
    key, value = [], merged
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
