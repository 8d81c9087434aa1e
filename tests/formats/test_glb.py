"""Read back by our reader, by one made of glTF's description alone, and at rest by trimesh; damage is one sentence."""

import json
import struct

import numpy as np
import pytest
import trimesh
from motions import one_joint, walk, walk_with_gaps
from scipy.spatial.transform import Rotation

from pose3d.formats import glb_reading
from pose3d.formats.glb import write_glb
from pose3d.formats.glb_reading import frames_a_second, read_glb
from pose3d.formats.motion import NAMES, as_skeleton
from pose3d.geometry.skeleton import BONES, LEFT_JOINTS, RIGHT_JOINTS
from pose3d.geometry.skeleton_fit import REST_DIRECTIONS, fit_bone_lengths, with_bone_lengths
from pose3d.runtime.errors import InputError


def fitted_m(motion):
    poses = as_skeleton(motion).positions_m
    return with_bone_lengths(poses, fit_bone_lengths(poses))


def content_of(path):
    """The JSON and the block of numbers."""
    data = path.read_bytes()
    n_text = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + n_text]), data[28 + n_text :]


def with_content(path, change):
    """Write the file anew with another JSON."""
    content, numbers = content_of(path)
    change(content)
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    header = struct.pack("<4sIII4s", b"glTF", 2, 28 + len(text) + len(numbers), len(text), b"JSON")
    path.write_bytes(header + text + struct.pack("<I4s", len(numbers), b"BIN\0") + numbers)


def played(path, frame):
    """Positions by name, (3,) metres, at one of the animation's frames."""
    content, numbers = content_of(path)

    def floats(accessor):
        accessor = content["accessors"][accessor]
        assert accessor["componentType"] == 5126
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        start = content["bufferViews"][accessor["bufferView"]]["byteOffset"]
        return np.frombuffer(numbers, "<f4", accessor["count"] * width, start).reshape(-1, width)

    (animation,) = content["animations"]
    at = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        at[channel["target"]["node"], channel["target"]["path"]] = floats(sampler["output"])[frame]
    times_s = floats(animation["samplers"][0]["input"])[:, 0]
    found = {}

    def go(index, place, turn):
        node = content["nodes"][index]
        place = place + turn.apply(at.get((index, "translation"), node["translation"]))
        turn = turn * Rotation.from_quat(at.get((index, "rotation"), [0, 0, 0, 1]))
        found[node["name"]] = place
        for child in node.get("children", []):
            go(child, place, turn)

    go(0, np.zeros(3), Rotation.identity())
    return found, times_s


@pytest.mark.parametrize("motion", [walk(), walk_with_gaps(), walk(1)], ids=["whole", "gaps", "one frame"])
def test_positions_are_those_of_the_fitted_skeleton(tmp_path, motion):
    write_glb(tmp_path / "a.glb", motion)
    read = read_glb(tmp_path / "a.glb")
    assert read.joints == NAMES and len(read) == len(motion)
    assert read.fps == (25 if len(motion) > 1 else 1)
    np.testing.assert_allclose(read.positions_m, fitted_m(motion), rtol=0, atol=1e-5)


def test_read_alike_by_the_formats_description_metres_and_y_up(tmp_path):
    motion = walk()
    write_glb(tmp_path / "a.glb", motion)
    found, times_s = played(tmp_path / "a.glb", 7)
    np.testing.assert_allclose([found[name] for name in NAMES], fitted_m(motion)[7], rtol=0, atol=1e-5)
    np.testing.assert_allclose(times_s, np.arange(12) / 25, atol=1e-6)
    assert found["Head"][1] > found["Hip"][1] + 0.3 > found["LFoot"][1] + 0.9


def test_the_body_at_rest_is_closed_points_outwards_and_is_red_on_the_right(tmp_path):
    motion = walk()
    write_glb(tmp_path / "a.glb", motion)
    scene = trimesh.load(tmp_path / "a.glb")
    (body,) = scene.geometry.values()
    assert body.is_watertight and len(body.faces) == 8 * len(BONES)
    pieces = body.split()
    assert len(pieces) == len(BONES) and all(piece.volume > 0 for piece in pieces)
    lengths_m = fit_bone_lengths(motion.positions_m)
    arm = lengths_m[[13, 14, 15]].sum() + 0.0
    assert body.bounds[0, 0] == pytest.approx(-arm, abs=1e-5)  # the T-pose's right wrist
    content, numbers = content_of(tmp_path / "a.glb")
    attributes = content["meshes"][0]["primitives"][0]["attributes"]
    start, colours = (content["bufferViews"][attributes[name]]["byteOffset"] for name in ("POSITION", "COLOR_0"))
    places = np.frombuffer(numbers, "<f4", 96 * 3, start).reshape(-1, 3)
    red, _, blue = np.frombuffer(numbers, "<f4", 96 * 3, colours).reshape(-1, 3).T
    right, left = places[:, 0] < -0.3, places[:, 0] > 0.3
    assert (red[right] > blue[right]).all() and (blue[left] > red[left]).all()
    assert right.any() and left.any()


def test_every_bone_moves_with_the_node_that_turns_it(tmp_path):
    """What a skin does to the tips of the octahedra: they are where the joints are."""
    motion = walk()
    write_glb(tmp_path / "a.glb", motion)
    content, numbers = content_of(tmp_path / "a.glb")
    attributes = content["meshes"][0]["primitives"][0]["attributes"]
    owners = np.frombuffer(numbers, "u1", 96 * 4, content["bufferViews"][attributes["JOINTS_0"]]["byteOffset"])
    names = [content["nodes"][owner]["name"] for owner in owners.reshape(-1, 4)[::6, 0]]
    by_end = {child: name for (_, child), name in zip(BONES, names, strict=True)}
    assert by_end[3] == "RKnee" and by_end[1] == "RHipJoint" and by_end[14] == "RClavicle" and by_end[10] == "Neck"


@pytest.mark.parametrize("joint", [*RIGHT_JOINTS, *LEFT_JOINTS])
def test_rest_is_a_t_pose(tmp_path, joint):
    write_glb(tmp_path / "a.glb", walk())
    content, _ = content_of(tmp_path / "a.glb")
    (node,) = [node for node in content["nodes"] if node["name"] == NAMES[joint]]
    length_m = np.linalg.norm(node["translation"])
    np.testing.assert_allclose(node["translation"], REST_DIRECTIONS[joint - 1] * length_m, atol=1e-12)


def test_the_same_motion_is_the_same_bytes(tmp_path):
    for name in "ab":
        write_glb(tmp_path / name, walk())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_of_another_program_is_read(tmp_path):
    """Scaled, turned by a matrix, without a skin, one channel at another rate."""
    write_glb(tmp_path / "a.glb", walk())

    def change(content):
        del content["skins"], content["nodes"][-1]["skin"]
        quarter = Rotation.from_euler("y", 90, degrees=True).as_matrix() * 2
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = quarter, [1, 2, 3]
        content["nodes"].append({"matrix": matrix.T.ravel().tolist(), "children": [0]})

    with_content(tmp_path / "a.glb", change)
    x, y, z = np.moveaxis(fitted_m(walk()), -1, 0)
    expected = 2 * np.stack([z, y, -x], -1) + [1, 2, 3]
    np.testing.assert_allclose(read_glb(tmp_path / "a.glb").positions_m, expected, rtol=0, atol=2e-5)


def test_steps_stay_until_the_next(tmp_path):
    """As Blender writes what does not change, at one key; keys at every frame are the same either way."""
    write_glb(tmp_path / "a.glb", walk())

    def change(content):
        for sampler in content["animations"][0]["samplers"]:
            sampler["interpolation"] = "STEP"

    with_content(tmp_path / "a.glb", change)
    np.testing.assert_allclose(read_glb(tmp_path / "a.glb").positions_m, fitted_m(walk()), rtol=0, atol=1e-5)

    def change_root(content):
        channel = next(c for c in content["animations"][0]["channels"] if c["target"]["path"] == "translation")
        sampler = content["animations"][0]["samplers"][channel["sampler"]]
        content["accessors"].append(content["accessors"][sampler["input"]] | {"count": 1})
        content["accessors"].append(content["accessors"][sampler["output"]] | {"count": 1})
        sampler |= {"input": len(content["accessors"]) - 2, "output": len(content["accessors"]) - 1}

    with_content(tmp_path / "a.glb", change_root)
    stays = fitted_m(walk()) - fitted_m(walk())[:, :1] + fitted_m(walk())[:1, :1]
    np.testing.assert_allclose(read_glb(tmp_path / "a.glb").positions_m, stays, rtol=0, atol=1e-5)


def test_hair_with_a_skin_of_its_own_is_not_taken_for_the_body(tmp_path):
    write_glb(tmp_path / "a.glb", walk())
    with_content(tmp_path / "a.glb", lambda c: c["skins"].insert(0, {"joints": c["skins"][0]["joints"][-1:]}))
    assert read_glb(tmp_path / "a.glb").joints == NAMES


def test_of_several_animations_the_first_is_read_and_said(tmp_path):
    write_glb(tmp_path / "a.glb", walk())
    with_content(tmp_path / "a.glb", lambda c: c["animations"].append(c["animations"][0]))
    with_content(tmp_path / "a.glb", lambda c: c["animations"][0].update(name="Walk\nfast"))
    assert read_glb(tmp_path / "a.glb").said == ("of its 2 animations the first is read, Walk fast",)


@pytest.mark.parametrize("fps", [25, 30_000 / 1001, 50])
def test_an_hour_of_frames_has_the_rate_that_a_second_has(fps):
    for frames in (fps, 3600 * fps):
        rate = frames_a_second(np.float32(np.arange(int(frames)) / fps))
        assert abs(rate / fps - 1) * frames < 0.01  # frames that the whole clip would be off by


def test_the_rate_of_uneven_keys_is_the_usual_one_and_one_key_has_one():
    assert frames_a_second(np.float32([0, 0.04, 0.08, 0.12, 1.0])) == 25
    assert frames_a_second(np.float32([7])) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("animations"), "'animations' is missing"),
        (lambda c: c["animations"][0]["samplers"][0].update(interpolation="CUBICSPLINE"), "only LINEAR"),
        (lambda c: c["animations"][0].update(channels=[]), "its animation moves nothing"),
        (lambda c: c["accessors"][-1].update(count=10**9), "too many numbers"),
        (lambda c: c["accessors"][-1].update(count=10**5), "past the numbers"),
        (lambda c: c["bufferViews"][-1].update(byteOffset=-4), "no or too many"),
        (lambda c: c["nodes"][3].update(children=[0]), "not put together|no tree"),
        (lambda c: c["nodes"][0]["children"].append(0), "not put together|no tree"),
        (lambda c: c["nodes"][0].update(children=[10**6]), "not put together"),
        (lambda c: c["nodes"].extend([{}] * 10_001), "more than 10,000 nodes"),
        (lambda c: c.update(nodes="x"), "not put together"),
    ],
)
def test_damaged_content_is_one_sentence(tmp_path, change, said):
    write_glb(tmp_path / "a.glb", walk())
    with_content(tmp_path / "a.glb", change)
    with pytest.raises(
        InputError, match=rf"a\.glb is no whole GLB file of an animation \(.*({said}).*\): write it again"
    ):
        read_glb(tmp_path / "a.glb")


@pytest.mark.parametrize("cut", [0, 11, 19, 1000, -4])
def test_a_file_that_is_cut_off_is_one_sentence(tmp_path, cut, monkeypatch):
    write_glb(tmp_path / "a.glb", walk())
    data = (tmp_path / "a.glb").read_bytes()
    (tmp_path / "a.glb").write_bytes(data[:cut])
    with pytest.raises(InputError, match=r"a\.glb is no whole GLB file"):
        read_glb(tmp_path / "a.glb")
    (tmp_path / "a.glb").write_bytes(data)
    monkeypatch.setattr(glb_reading, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="is larger than"):
        read_glb(tmp_path / "a.glb")


def test_what_is_no_skeleton_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"a\.glb cannot be written: joint RHip is not there"):
        write_glb(tmp_path / "a.glb", one_joint((0, 0, 0)))
    flat = walk()
    flat.positions_m[3, 2] = flat.positions_m[3, 1]
    with pytest.raises(InputError, match="frame 3, the bone from RHip to RKnee has no length"):
        write_glb(tmp_path / "a.glb", flat)
    assert list(tmp_path.iterdir()) == []
