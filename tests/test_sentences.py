"""Sentences that users read have no words of Python or of libraries in them."""

import ast
import copy
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_qualisys import CAMERA

from pose3d.config.check import Params
from pose3d.formats.calibrations import read_calibration
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.runtime.errors import FOREIGN, STRANGE, InputError, in_words

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "src/pose3d").rglob("*.py"), *(ROOT / "stages").glob("*.py")])


def raised(tree: ast.AST):
    """The calls of InputError in a file, each with the name that the exception around it has, or None."""

    def walk(node: ast.AST, name: str | None):
        if isinstance(node, ast.ExceptHandler) and node.name:
            caught = ast.unparse(node.type) if node.type else ""
            name = None if caught == "InputError" else node.name
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "InputError":
            yield node, name
        for child in ast.iter_child_nodes(node):
            yield from walk(child, name)

    yield from walk(tree, None)


def test_the_walk_finds_what_it_should():
    code = "try:\n  f()\nexcept ValueError as error:\n  raise InputError(f'{x} is wrong ({error})') from None"
    ((call, name),) = raised(ast.parse(code))
    assert name == "error" and quotes(call, name)
    assert not quotes(ast.parse("InputError(f'{in_words(error)}')").body[0].value, "error")


def quotes(call: ast.Call, name: str | None) -> bool:
    """Whether a sentence has an exception as it is."""
    return any(
        isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name) and node.value.id == name
        for node in ast.walk(call)
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_can_be_raised_is_in_our_words(path):
    for call, name in raised(ast.parse(path.read_text())):
        constants = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)]
        texts = [text for text in constants if isinstance(text, str)]
        found = [match[0] for text in texts if (match := FOREIGN.search(text))]
        assert not found, f"line {call.lineno} says {found}"
        assert not quotes(call, name), f"line {call.lineno} quotes an exception: use in_words"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TypeError("string indices must be integers, not 'str'"), STRANGE),
        (ValueError("could not convert string to float: 'a'"), STRANGE),
        (ValueError("not enough values to unpack (expected 4, got 3)"), STRANGE),
        (AttributeError("'list' object has no attribute 'items'"), STRANGE),
        (ValueError("Expected `quat` to have shape (..., 4), got (3,)."), STRANGE),
        (ValueError("Found zero norm quaternions in `quat`."), STRANGE),
        (ValueError("matmul: Input operand 1 has a mismatch in its core dimension 0"), STRANGE),
        (ValueError(""), STRANGE),
        (KeyError("Unable to synchronously open object (object 'boxes_px' doesn't exist)"), "'boxes_px' is missing"),
        (ValueError("it claims to unpack to 3 GiB"), "it claims to unpack to 3 GiB"),
        (KeyError("size"), "'size' is missing"),
        (KeyError(3), STRANGE),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (OSError("Unable to synchronously open file (file signature not found)"), STRANGE),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (ValueError("camera a:\n the size is none"), "camera a: the size is none"),
        (InputError("a.h5 is missing: make it"), "a.h5 is missing: make it"),
    ],
)
def test_exceptions_in_words(error, said):
    assert in_words(error) == said


def test_what_is_no_text_or_no_json_in_words():
    with pytest.raises(ValueError) as caught:
        b"\xff".decode()
    assert in_words(caught.value) == "it is no text in UTF-8"
    with pytest.raises(ValueError) as caught:
        json.loads('{\n"a": ]')
    assert in_words(caught.value) == "it breaks off or goes wrong in line 2, column 6"


def test_names_and_what_is_quoted_cannot_steer_a_terminal():
    assert str(InputError("a\x1b[2Jb\x07.mp4 × 3 is missing:\n- c")) == "a\\x1b[2Jb\\x07.mp4 × 3 is missing:\n- c"


OTHERS = [None, True, -1, 3, 1e400, "text", "\x1b[31m", [], [1, 2, 3], [["a"]], {}, {"a": 1}]
K = [[400.0, 0, 135], [0, 400, 240], [0, 0, 1]]
OWN = {"width_px": 270, "height_px": 480, "intrinsics_px": K, "distortion": [-0.2, 0.05, 0, 0]}
MATRIX = {"rows": 3, "cols": 3, "data": sum(K, [])}
OPENCV = {"camera_matrix": MATRIX, "dist": [[0.1, 0, 0, 0, 0]], "image_size": [9, 9]}
KALIBR = {
    f"cam{n}": {
        "camera_model": "pinhole",
        "intrinsics": [400, 400, 135, 240],
        "distortion_model": "radtan",
        "distortion_coeffs": [0.1, 0, 0, 0],
        "resolution": [270, 480],
        "T_cn_cnm1": np.eye(4).tolist(),
    }
    for n in range(2)
}
SUBJECTS = {
    "intrinsics": [
        {
            "id": "a",
            "center": [1, 2],
            "focal_length": [3, 4],
            "radial_distortion": [0, 0, 0],
            "tangential_distortion": [0, 0],
            "res_w": 9,
            "res_h": 9,
        }
    ],
    "extrinsics": {"S1": [{"orientation": [1, 0, 0, 0], "translation": [0, 0, 0]}]},
}
COCO = [{"image_id": 1, "category_id": 1, "keypoints": [1.0, 2.0, 0.5] * 17, "score": 0.9}]
OPENPOSE = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [1.0, 2.0, 0.5] * 25}]}


def places(content, before=()):
    """Paths to all that is in some content."""
    yield before
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(inner)[:4]:
        yield from places(value, (*before, key))


def changed(content):
    """The content with each of its parts exchanged for something else, or left out."""
    for place in places(content):
        for other in OTHERS:
            copied = {"all": copy.deepcopy(content)}
            *outer, last = ("all", *place)
            target = copied
            for key in outer:
                target = target[key]
            if other == {"a": 1} and isinstance(target, dict) and place:
                del target[last]
            else:
                target[last] = other
            yield copied["all"]


def check(read, path: Path):
    try:
        read(path)
    except InputError as error:
        sentence = str(error)
        assert not FOREIGN.search(sentence), sentence
        assert str(path) in sentence and "\n" not in sentence and "\x1b" not in sentence, sentence


@pytest.mark.parametrize("content", [OWN, OPENCV, KALIBR, SUBJECTS], ids=["own", "opencv", "kalibr", "subjects"])
def test_calibrations_that_are_put_together_wrong(tmp_path, content):
    path = tmp_path / ("c.yaml" if content is KALIBR else "c.json")
    for wrong in changed(content):
        path.write_text(yaml.safe_dump(wrong) if content is KALIBR else json.dumps(wrong))
        check(read_calibration, path)


@pytest.mark.parametrize("content", [COCO, OPENPOSE], ids=["coco", "openpose"])
def test_keypoints_that_are_put_together_wrong(tmp_path, content):
    path = tmp_path / "k.json"
    for wrong in changed(content):
        path.write_text(json.dumps(wrong))
        check(read_keypoints, path)


def test_texts_of_which_a_letter_is_another(tmp_path):
    rng = np.random.default_rng(0)
    qualisys = f"<calibration><cameras>{CAMERA.format(serial='a')}</cameras></calibration>"
    for name, text in (("c.qca.txt", qualisys), ("c.json", json.dumps(OWN)), ("c.yaml", yaml.safe_dump(KALIBR))):
        for _ in range(150):
            letters = bytearray(text.encode())
            letters[rng.integers(len(letters))] = rng.integers(256)
            (tmp_path / name).write_bytes(bytes(letters))
            check(read_calibration, tmp_path / name)


@pytest.mark.parametrize("other", [None, True, -1.5, "text", [], [1], {}, {"a": 1}], ids=str)
def test_params_of_another_kind(tmp_path, other):
    """Every key of params.yaml in turn."""
    for folder in ("data_sets", "sizes"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for block, values in params.items():
        for key in values if isinstance(values, dict) else [None]:
            wrong = copy.deepcopy(params)
            if key is None:
                wrong[block] = other
            else:
                wrong[block][key] = other
            (tmp_path / "params.yaml").write_text(yaml.safe_dump(wrong))
            try:
                Params.load(tmp_path)
            except InputError as error:
                sentence = str(error).replace(repr(str(other)), "")  # a name that is unknown is quoted
                assert not FOREIGN.search(sentence), sentence
                assert "\n" not in sentence
