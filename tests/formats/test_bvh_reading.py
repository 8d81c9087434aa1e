"""Files of our own and of another hand; damage is one sentence."""

import numpy as np
import pytest
from motions import walk

from pose3d.formats.bvh import write_bvh
from pose3d.formats.bvh_reading import read_bvh
from pose3d.formats.motion import NAMES
from pose3d.geometry.skeleton_fit import fit_bone_lengths, with_bone_lengths
from pose3d.runtime.errors import InputError

OTHER = """HIERARCHY
ROOT Pelvis
{
  OFFSET 1 2 3
  CHANNELS 6 Zposition Xposition Yposition Yrotation Xrotation Zrotation
  JOINT Left Arm
  {
    OFFSET 10 0 0
    CHANNELS 1 Zrotation
    End Site
    {
      OFFSET 5 0 0
    }
  }
  JOINT Tail
  {
    OFFSET 0 0 20
    End Site
    {
      OFFSET 0 0 5
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.03333
100 0 0 0 0 0 30
0 0 50 90 0 0 30
"""


def test_our_own_skeleton_comes_back_as_17_joints(tmp_path):
    poses = walk().positions_m
    write_bvh(tmp_path / "a.bvh", poses * [1, -1, -1], 25)
    motion = read_bvh(tmp_path / "a.bvh")
    assert (motion.joints, motion.fps) == (NAMES, 25)
    expected = with_bone_lengths(poses, fit_bone_lengths(poses))
    np.testing.assert_allclose(motion.positions_m, expected, rtol=0, atol=1e-6)


def test_values_by_hand(tmp_path):
    """A quarter turn about y takes x to -z and z to x; position channels take the place of the root's offset."""
    (tmp_path / "a.bvh").write_text(OTHER)
    motion = read_bvh(tmp_path / "a.bvh")
    assert (motion.joints, motion.fps) == (("Pelvis", "Left_Arm", "Tail"), 30)
    expected = [[[0, 0, 1], [0.1, 0, 1], [0, 0, 1.2]], [[0, 0.5, 0], [0, 0.5, -0.1], [0.2, 0.5, 0]]]
    np.testing.assert_allclose(motion.positions_m, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ROOT Pelvis\n{", "ROOT Pelvis {"),
        ("End Site\n    {", "End Site{"),
        ("Xposition Yposition Yrotation", "XPosition YPOSITION yrotation"),
        ("MOTION\nFrames: 2\n", "\nMOTION\n\nFrames :\t2\n\n"),
        ("HIERARCHY", "\n\nHIERARCHY"),
    ],
)
def test_other_ways_to_write_it_are_the_same_motion(tmp_path, old, new):
    assert old in OTHER
    (tmp_path / "a.bvh").write_text(OTHER)
    (tmp_path / "b.bvh").write_text(OTHER.replace(old, new))
    np.testing.assert_array_equal(*(read_bvh(tmp_path / name).positions_m for name in ("a.bvh", "b.bvh")))


def test_there_may_be_several_roots(tmp_path):
    """What a performer holds; it is nobody's child."""
    sword = "ROOT Sword\n{\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\n}\nMOTION"
    text = OTHER.replace("MOTION", sword).replace("100 0 0 0 0 0 30", "100 0 0 0 0 0 30 1 2 3")
    (tmp_path / "a.bvh").write_text(text.replace("0 0 50 90 0 0 30", "0 0 50 90 0 0 30 4 5 6"))
    motion = read_bvh(tmp_path / "a.bvh")
    assert motion.joints == ("Pelvis", "Left_Arm", "Tail", "Sword")
    np.testing.assert_allclose(motion.positions_m[:, 3], [[0.01, 0.02, 0.03], [0.04, 0.05, 0.06]])
    np.testing.assert_allclose(motion.positions_m[1, :3], [[0, 0.5, 0], [0, 0.5, -0.1], [0.2, 0.5, 0]], atol=1e-12)


def test_names_that_are_shared_are_numbered(tmp_path):
    (tmp_path / "a.bvh").write_text(OTHER.replace("Tail", "Pelvis"))
    assert read_bvh(tmp_path / "a.bvh").joints == ("Pelvis_1", "Left_Arm", "Pelvis_2")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("HIERARCHY", "", "line 2, is not HIERARCHY"),
        ("OFFSET 1 2 3", "OFFSET 1 2", "line 4, is not as BVH"),
        ("OFFSET 1 2 3", "OFFSET 1 2 x", "line 4, is not as BVH"),
        ("CHANNELS 1 Zrotation", "CHANNELS 2 Zrotation", "line 9, is not as BVH"),
        ("CHANNELS 1 Zrotation", "CHANNELS 1 Wrotation", "line 9, is not as BVH"),
        ("  JOINT Tail\n  {", "  JOINT Tail", "line 22, is not as BVH"),
        ("MOTION", "", "line 25, is not as BVH"),
        ("ROOT Pelvis\n{", "{", "line 2, is not as BVH"),
        ("Frames: 2", "Frames: 3", "has 2 frames, but its header says 3: is it cut off"),
        ("Frames: 2", "Frames: 1", "has 2 frames, but its header says 1: correct that number"),
        ("Frames: 2", "Frames: 1e9", "line 26, gives a frame time of 0 or too many frames"),
        ("Frame Time: 0.03333", "Frame Time: 0", "line 26, gives a frame time of 0"),
        ("Frame Time: 0.03333", "Frame Time: nan", "line 26, does not say Frame Time: and a number"),
        ("Frames: 2", "Frames: inf", "line 25, does not say Frames: and a number"),
        ("Frames: 2", "Frames: two", "line 25, does not say Frames: and a number"),
        ("0 0 50 90", "0 0 50", "line 28, has 6 numbers in place of 7"),
        ("0 0 50 90", "0 0 50 nan", "has nan in frame 1"),
    ],
)
def test_what_is_damaged_is_one_sentence(tmp_path, old, new, said):
    assert old in OTHER
    (tmp_path / "a.bvh").write_text(OTHER.replace(old, new))
    with pytest.raises(InputError, match=rf"a\.bvh,? ({said})"):
        read_bvh(tmp_path / "a.bvh")


@pytest.mark.parametrize("length", range(0, len(OTHER), 40))
def test_a_file_that_is_cut_off_is_one_sentence(tmp_path, length):
    (tmp_path / "a.bvh").write_text(OTHER[:length])
    with pytest.raises(InputError, match=r"a\.bvh"):
        read_bvh(tmp_path / "a.bvh")


def test_tabs_and_carriage_returns_part_words_as_well(tmp_path):
    (tmp_path / "a.bvh").write_text(OTHER)
    (tmp_path / "b.bvh").write_bytes(OTHER.replace("OFFSET ", "OFFSET\t").replace("\n", "\r\n").encode())
    plain, other = (read_bvh(tmp_path / name) for name in ("a.bvh", "b.bvh"))
    np.testing.assert_array_equal(plain.positions_m, other.positions_m)
