import copy
import json

import numpy as np
import pytest

from pose3d.datasets.calibration import HUMAN36M, calibration_of, cameras_from, human36m_cameras, read_calibration
from pose3d.runtime.errors import FOREIGN, InputError


def test_the_published_cameras_stand_around_the_room_and_look_at_its_centre():
    cameras = human36m_cameras()
    assert list(cameras) == ["S1", "S5", "S6", "S7", "S8", "S9", "S11"]
    for of_subject in cameras.values():
        assert list(of_subject) == ["54138969", "55011271", "58860488", "60457274"]
        for camera in of_subject.values():
            assert 1.4 < camera.position_m[2] < 1.7 and 3.5 < np.linalg.norm(camera.position_m[:2]) < 6
            centre = camera.project(camera.world_to_camera([0, 0, 0.9]))
            assert np.linalg.norm(centre - [camera.width_px / 2, camera.height_px / 2]) < 250
            up = camera.project(camera.world_to_camera([0, 0, 1.7]))
            assert up[1] < centre[1], "the world's z axis points up in the image"


def test_a_published_camera_has_the_published_numbers():
    camera = human36m_cameras()["S9"]["58860488"]
    assert (camera.width_px, camera.height_px) == (1000, 1000)
    np.testing.assert_allclose(camera.position_m, [-1.67099, 5.21199, 1.52839], atol=1e-5)
    np.testing.assert_allclose(
        camera.intrinsics_px[[0, 1, 0, 1], [0, 1, 2, 2]], [1149.14, 1148.80, 519.82, 501.40], atol=0.01
    )
    inner = HUMAN36M["intrinsics"][2]
    k1, k2, k3 = inner["radial_distortion"]
    np.testing.assert_allclose(camera.distortion, [k1, k2, *inner["tangential_distortion"], k3])
    assert camera.distortion_model == "human36m"


def test_pictures_have_as_many_rows_as_the_authors_say():
    rows = {subject: [c.height_px for c in cameras.values()] for subject, cameras in human36m_cameras().items()}
    usual = [1002, 1000, 1000, 1002]
    assert rows == dict.fromkeys(["S1", "S5", "S6", "S8", "S9", "S11"], usual) | {"S7": [1002] * 4}
    assert all(camera.width_px == 1000 for cameras in human36m_cameras().values() for camera in cameras.values())


def test_a_file_that_says_nothing_of_the_model_means_opencvs():
    content = without("intrinsics", 1, "distortion_model")
    cameras = cameras_from(content, "file")["S5"]
    assert [camera.distortion_model for camera in cameras.values()] == ["human36m", "opencv", "human36m", "human36m"]


def test_a_file_of_the_same_form_gives_the_same_cameras(tmp_path):
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps(HUMAN36M))
    expected, found = human36m_cameras(), read_calibration(path)
    assert {subject: list(cameras) for subject, cameras in found.items()} == {s: list(c) for s, c in expected.items()}
    np.testing.assert_array_equal(found["S5"]["60457274"].rotation, expected["S5"]["60457274"].rotation)
    assert found["S7"]["55011271"].height_px == 1002 and found["S7"]["55011271"].distortion_model == "human36m"


def test_cameras_are_written_in_the_same_form():
    content = copy.deepcopy(HUMAN36M)
    content["extrinsics"]["S5"][2] |= {"focal_length": [1100, 1101], "center": [500, 501], "distortion_model": "opencv"}
    content["extrinsics"]["S5"][2]["radial_distortion"] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    cameras = cameras_from(content, "here")
    np.testing.assert_array_equal(np.diag(cameras["S5"]["58860488"].intrinsics_px), [1100, 1101, 1])
    assert cameras["S5"]["58860488"].distortion[[0, 1, *range(4, 8)]].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    written = cameras_from(json.loads(json.dumps(calibration_of(cameras))), "there")
    assert list(written) == list(cameras)
    for subject, own in cameras.items():
        for camera_id, camera in own.items():
            for name, value in vars(camera).items():
                same = getattr(written[subject][camera_id], name)
                if isinstance(value, np.ndarray):
                    np.testing.assert_allclose(same, value, rtol=1e-12, atol=1e-12)
                else:
                    assert same == value
    del cameras["S9"]["58860488"]
    with pytest.raises(InputError, match="S1 has cameras 54138969, .* and S9 54138969, 55011271, 60457274: "):
        calibration_of(cameras)


def test_numbers_for_ids_become_names():
    content = copy.deepcopy(HUMAN36M)
    content["intrinsics"][0]["id"] = 0
    assert list(cameras_from(content, "file")["S1"])[0] == "0"


@pytest.mark.parametrize("text", ["{", "not json", "\x00", "[" * 100_000])
def test_a_file_that_is_not_json(tmp_path, text):
    path = tmp_path / "cameras.json"
    path.write_text(text)
    with pytest.raises(InputError, match="cameras.json is not JSON"):
        read_calibration(path)


def test_a_key_that_is_there_twice_is_named(tmp_path):
    path = tmp_path / "cameras.json"
    path.write_text('{"intrinsics": [{"id": "a", "res_w": 10, "res_w": 20}], "extrinsics": {}}')
    with pytest.raises(InputError, match=r"cameras\.json is not JSON \(it has 'res_w' twice in one place\): write it"):
        read_calibration(path)


def test_what_others_write_beside_a_camera_is_passed_over():
    """VideoPose3D's own cameras have an azimuth."""
    assert list(cameras_from(changed(70, "intrinsics", 0, "azimuth"), "a.json")) == list(human36m_cameras())


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "cameras.json"
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(InputError, match="cameras.json is not JSON"):
        read_calibration(path)


def test_a_file_without_end():
    with pytest.raises(InputError, match=r"/dev/zero is not JSON \(it is larger than 1 MiB\)"):
        read_calibration("/dev/zero")


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="none.json: No such file or directory: dataset.calibration must name"):
        read_calibration(tmp_path / "none.json")


def without(*keys):
    content = copy.deepcopy(HUMAN36M)
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    return content


def changed(value, *keys):
    content = copy.deepcopy(HUMAN36M)
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("intrinsics"), "has no 'intrinsics'"),
        (without("extrinsics", "S1", 0, "orientation"), "has no 'orientation'"),
        (without("intrinsics", 3, "id"), "has no 'id'"),
        (without("extrinsics", "S1", 0), "S1 has 3 cameras in extrinsics, and intrinsics has 4"),
        (
            changed([1.0] * 4, "intrinsics", 0, "radial_distortion"),
            "camera 54138969: radial_distortion must be 2 or 3 or 6 numbers in a list",
        ),
        (changed([0, 0, 0, 0], "extrinsics", "S1", 0, "orientation"), "camera 54138969: orientation is 0 0 0 0, which"),
        (
            changed(np.eye(3).tolist(), "extrinsics", "S1", 0, "orientation"),
            "camera 54138969: orientation, a quaternion w x y z, must be 4 numbers in a list",
        ),
        (changed([0.1, 1.2, 0.3], "extrinsics", "S1", 0, "orientation"), "a quaternion w x y z, must be 4 numbers"),
        (changed([1, 2], "extrinsics", "S1", 0, "translation"), "camera 54138969: translation must be 3 numbers in a"),
        (changed(1145, "intrinsics", 0, "focal_length"), "camera 54138969: focal_length must be 2 numbers in a list"),
        (changed([1, 2, float("nan")], "extrinsics", "S1", 0, "translation"), "not a calibration"),
        (changed("wide", "intrinsics", 0, "res_w"), "camera 54138969: res_w must be a number"),
        (
            changed("opencv", "intrinsics", 0, "distortion_models"),
            "camera 54138969: there is no key 'distortion_models', only radial_distortion, tangential_distortion, dist",
        ),
        (
            changed("human36m", "intrinsics", 0, "distorsion_model"),
            "camera 54138969: there is no key 'distorsion_model', only radial_distortion, tangential_distortion, dist",
        ),
        (changed(10**9, "intrinsics", 0, "res_h"), "camera 54138969 has a focal length or a resolution that no camera"),
        (changed([-1145, 1145], "intrinsics", 0, "focal_length"), "camera 54138969 has a focal length"),
        (changed("55011271", "intrinsics", 0, "id"), "camera ids must differ"),
        (changed("a/b", "intrinsics", 0, "id"), "made of letters, digits, - and ., not a/b"),
        (changed(None, "intrinsics", 0), "not a calibration"),
        (changed([], "extrinsics"), "not a calibration"),
        (changed("fisheye", "intrinsics", 0, "distortion_model"), "model must be opencv or human36m, not 'fisheye'"),
        (
            changed(0, "extrinsics", "S7", 1, "res_h"),
            "camera 55011271 has a focal length or a resolution that no camera",
        ),
        (changed([10**400, 1], "intrinsics", 0, "focal_length"), "not a calibration"),
        (changed([10**400, 1, 1], "extrinsics", "S1", 0, "translation"), "not a calibration"),
        (changed([float("nan"), 1145], "intrinsics", 0, "focal_length"), "not a calibration"),
        (changed("../S1", "intrinsics", 0, "id"), "made of letters"),
        ([], "not a calibration"),
        (None, "not a calibration"),
    ],
)
def test_another_form_is_refused_by_name(content, message):
    with pytest.raises(InputError, match=message) as raised:
        cameras_from(content, "cameras.json")
    assert str(raised.value).startswith("cameras.json ") and not FOREIGN.search(str(raised.value))


def test_two_radial_coefficients_have_no_k3():
    content = changed([-0.2, 0.1], "intrinsics", 1, "radial_distortion")
    camera = cameras_from(content, "file")["S5"]["55011271"]
    p1, p2 = HUMAN36M["intrinsics"][1]["tangential_distortion"]
    assert camera.distortion.tolist() == [-0.2, 0.1, p1, p2, 0]
