"""Calibrations written by hand as the programs write them; projections as cv2.projectPoints has them."""

import json

import cv2
import numpy as np
import pytest
from tiny_calibrations import DISTORTION, KALIBR, OPENCV, ROTATION, TRANSLATION_M, K, opencv_json, toml
from tiny_qualisys import CAMERA, write_calibration

from pose3d.datasets.calibration import calibration_of, human36m_cameras
from pose3d.formats.calibrations import read_calibration, the_camera
from pose3d.runtime.errors import InputError

RATIONAL = np.array([0.52, -0.6, 0.001, -0.002, 0.3, 0.4, -0.43, 0.24])
POINTS_M = np.array([[0.0, 0, 1], [0.3, -0.2, 1.5], [-0.5, 0.4, 0.2]])


def opencv_px(camera: int, distortion: np.ndarray = DISTORTION) -> np.ndarray:
    """Where OpenCV sees the points, the first pixel's centre at 0."""
    rotation, translation = ROTATION[camera], TRANSLATION_M[camera]
    return cv2.projectPoints(POINTS_M, rotation, translation, K, distortion)[0][:, 0]


def assert_projects(calibration, distortion=DISTORTION) -> None:
    assert len(calibration.cameras) == 2
    for index, one in enumerate(calibration.cameras):
        seen_px = one.camera.project(one.camera.world_to_camera(POINTS_M))
        np.testing.assert_allclose(seen_px - 0.5, opencv_px(index, distortion), atol=1e-6)
        assert (one.camera.width_px, one.camera.height_px) == (1920, 1080)


@pytest.mark.parametrize(
    ("text", "program", "units"),
    [
        (toml(1, extra="fisheye = false"), "Pose2Sim", "taken for m, because Pose2Sim writes m"),
        (toml(1000, metadata="charuco_square_size = 58.0"), "FreeMoCap", "taken for mm, because FreeMoCap writes mm"),
        (toml(1, name="", table="cameras.{}"), "Caliscope", "taken for m, because Caliscope writes m"),
        (toml(1000), "anipose", "taken for mm, because cameras are up to 3"),
        (toml(1), "anipose", "taken for m, because cameras are up to 3"),
    ],
)
def test_toml_of_four_programs(tmp_path, text, program, units):
    (tmp_path / "Calib.toml").write_text(text)
    calibration = read_calibration(tmp_path / "Calib.toml")
    assert_projects(calibration)
    assert calibration.program == program and units in calibration.units and not calibration.doubts
    names = [one.camera.id for one in calibration.cameras]
    assert names == (["cam_0", "cam_1"] if program == "Caliscope" else ["camA", "camB"])


def test_four_coefficients_have_no_k3(tmp_path):
    (tmp_path / "c.toml").write_text(toml(1, DISTORTION[:4], extra="fisheye = false"))
    assert_projects(read_calibration(tmp_path / "c.toml"), DISTORTION[:4])


@pytest.mark.parametrize("more", [0, 4, 6])
def test_eight_coefficients_are_opencvs_rational_lens(tmp_path, more):
    """Twelve and fourteen are thin prisms and a tilted sensor, which are none where they are 0."""
    given = np.concatenate([RATIONAL, np.zeros(more)])
    (tmp_path / "c.toml").write_text(toml(1, given, extra="fisheye = false"))
    assert_projects(read_calibration(tmp_path / "c.toml"), RATIONAL)
    storage = cv2.FileStorage(str(tmp_path / "c.yml"), cv2.FILE_STORAGE_WRITE)
    storage.write("camera_matrix", K)
    storage.write("distortion_coefficients", given)
    storage.release()
    own = {"width_px": 1920, "height_px": 1080, "intrinsics_px": K.tolist(), "distortion": given.tolist()}
    (tmp_path / "c.json").write_text(json.dumps(own))
    for name in ("c.yml", "c.json"):
        (one,) = read_calibration(tmp_path / name).cameras
        np.testing.assert_allclose(one.camera.distortion, RATIONAL)


def test_eight_coefficients_that_divide_by_1_are_five(tmp_path):
    (tmp_path / "c.toml").write_text(toml(1, [*DISTORTION, 0, 0, 0]))
    assert read_calibration(tmp_path / "c.toml").cameras[0].camera.distortion.tolist() == DISTORTION.tolist()


def test_units_that_cannot_be_are_asked_for(tmp_path):
    (tmp_path / "c.toml").write_text(toml(1000, extra="fisheye = false"))
    with pytest.raises(InputError, match=r"c\.toml: cameras are up to 3252.73 apart, which m cannot be, .* --units mm"):
        read_calibration(tmp_path / "c.toml")
    assert_projects(read_calibration(tmp_path / "c.toml", "mm"))
    (tmp_path / "c.toml").write_text(toml(20))  # in squares of a board, say
    with pytest.raises(InputError, match="of which unit is not clear: give --units mm, cm, in or m"):
        read_calibration(tmp_path / "c.toml")


@pytest.mark.parametrize(("units", "of_a_metre"), [("mm", 1000), ("cm", 100), ("in", 39.3700787401575), ("m", 1)])
def test_units_that_are_said(tmp_path, units, of_a_metre):
    (tmp_path / "c.toml").write_text(toml(of_a_metre))
    assert_projects(read_calibration(tmp_path / "c.toml", units))


def test_distortion_64_times_too_small_is_doubted(tmp_path):
    (tmp_path / "c.toml").write_text(toml(1, DISTORTION[:4] / 64, extra="fisheye = false"))
    (doubt,) = read_calibration(tmp_path / "c.toml").doubts
    assert "64 times too small and without k3" in doubt
    (tmp_path / "c.toml").write_text(toml(1, np.zeros(4), extra="fisheye = false"))
    assert read_calibration(tmp_path / "c.toml").doubts == ()  # pictures without distortion


def test_an_optical_axis_outside_of_the_picture_is_doubted(tmp_path):
    (tmp_path / "c.yml").write_text(OPENCV.replace("image_width: 1920", "image_width: 640"))
    calibration = read_calibration(tmp_path / "c.yml")
    (doubt,) = calibration.doubts
    assert "optical axis at (940.5, 530.5), outside of its picture of 640 x 1080 px" in doubt
    (tmp_path / "c.yml").write_text(OPENCV + "fisheye_model: 0\n")
    assert not read_calibration(tmp_path / "c.yml").doubts


def test_kalibr(tmp_path):
    (tmp_path / "camchain.yaml").write_text(KALIBR)
    calibration = read_calibration(tmp_path / "camchain.yaml")
    first, second = (one.camera for one in calibration.cameras)
    assert (first.id, second.id, calibration.units) == ("cam0", "cam1", "")
    np.testing.assert_array_equal(first.world_to_camera([0.1, 0.2, 3]), [0.1, 0.2, 3])
    np.testing.assert_allclose(second.world_to_camera([0.1, 0.2, 3]), [1.0, 0.2, 2.9])
    expected = cv2.projectPoints(np.array([[1.0, 0.2, 2.9]]), np.zeros(3), np.zeros(3), K, DISTORTION[:4])[0][0, 0]
    np.testing.assert_allclose(second.project([1.0, 0.2, 2.9]) - 0.5, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["intrinsics"][0].update(focal_length=[1.1, 1.1]), "with a focal length of 1.1 px no lens fills"),
        (lambda c: c["extrinsics"]["S1"][0].update(translation=[float("inf"), 0, 0]), "it has NaN or Infinity"),
        (lambda c: [one.update(translation=[0.001 * mm for mm in one["translation"]]) for one in c["extrinsics"]["S1"]],
         "which mm cannot be, and this project writes mm: give --units m"),
    ],
)  # fmt: skip
def test_several_cameras_of_this_project_are_looked_at_as_others_are(tmp_path, change, message):
    cameras = human36m_cameras()["S1"]
    content = calibration_of({"S1": cameras})
    path = tmp_path / "c.json"
    path.write_text(json.dumps(content))
    for one, camera in zip(read_calibration(path).cameras, cameras.values(), strict=True):
        np.testing.assert_allclose(one.camera.translation_m, camera.translation_m, rtol=1e-12)
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_calibration(path)


def test_kalibrs_chain_goes_by_numbers_whatever_the_order_in_the_file(tmp_path):
    first, second = KALIBR.split("cam1:")
    third = second.replace("0.0, -2.0]", "0.0, -5.0]")
    path = tmp_path / "camchain.yaml"
    path.write_text(f"{first}cam1:{second}cam2:{third}")
    expected = {one.camera.id: one.camera.translation_m.tolist() for one in read_calibration(path).cameras}
    for text in (f"{first}cam2:{third}cam1:{second}", f"date: today\ncam2:{third}cam1:{second}{first}"):
        path.write_text(text)
        found = {one.camera.id: one.camera.translation_m.tolist() for one in read_calibration(path).cameras}
        assert found == expected and list(found) == ["cam0", "cam1", "cam2"]
    path.write_text(f"{first}cam2:{third}")
    with pytest.raises(InputError, match="camera cam2 stands in relation to the one before it, which is not there"):
        read_calibration(path)


def test_a_rotation_in_degrees_is_refused(tmp_path):
    text = toml(1, extra="fisheye = false").replace(str(ROTATION[1].tolist()), "[90.0, 5.0, -10.0]")
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=r"camB: the rotation \[90.0, 5.0, -10.0\] is of more than a whole turn"):
        read_calibration(tmp_path / "c.toml")


def test_a_camera_of_toml_without_its_matrix_is_not_left_out(tmp_path):
    (tmp_path / "c.toml").write_text(toml(1, extra="fisheye = false").replace(f"matrix = {K.tolist()}", "", 1))
    with pytest.raises(InputError, match="a camera has no matrix"):
        read_calibration(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yml", OPENCV),
        ("a.json", opencv_json()),
        ("a.json", json.dumps({"K": K.tolist(), "dist": [DISTORTION.tolist()], "image_size": [1920, 1080]})),
        ("a.yaml", OPENCV.replace("%YAML:1.0\n---\n", "").replace(" !!opencv-matrix", "") + "camera_name: a\n"),  # ROS
    ],
)
def test_opencv_in_yaml_and_json(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (one,) = read_calibration(tmp_path / name).cameras
    assert one.camera.id == "a" and one.size_known and not one.placed
    points_cam_m = POINTS_M + [0, 0, 3]
    expected = cv2.projectPoints(points_cam_m, np.zeros(3), np.zeros(3), K, DISTORTION)[0][:, 0]
    np.testing.assert_allclose(one.camera.project(points_cam_m) - 0.5, expected, atol=1e-9)


@pytest.mark.parametrize(("matrix", "distortion"), [("K", "D"), ("k", "d")])
def test_ros_as_it_prints_a_message(tmp_path, matrix, distortion):
    """R is of rectification there, and no place."""
    (tmp_path / "c.yaml").write_text(
        f"header:\n  seq: 0\nheight: 1080\nwidth: 1920\ndistortion_model: plumb_bob\n{distortion}: "
        f"{DISTORTION.tolist()}\n{matrix}: {K.ravel().tolist()}\nR: {np.eye(3).ravel().tolist()}\n"
        f"P: {np.eye(3, 4).ravel().tolist()}\n---\n"
    )
    (one,) = read_calibration(tmp_path / "c.yaml").cameras
    np.testing.assert_array_equal(one.camera.intrinsics_px - K, [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    assert one.camera.distortion.tolist() == DISTORTION.tolist() and not one.placed
    assert (one.camera.width_px, one.camera.height_px) == (1920, 1080)


@pytest.mark.parametrize("decimals", [3, 4, 6])
def test_a_rotation_that_was_rounded_is_made_one(tmp_path, decimals):
    exact = cv2.Rodrigues(ROTATION[1])[0]
    own = {"width_px": 1920, "height_px": 1080, "intrinsics_px": K.tolist(), "translation_m": [0, 0, 2]}
    (tmp_path / "c.json").write_text(json.dumps(own | {"rotation": exact.round(decimals).tolist()}))
    found = read_calibration(tmp_path / "c.json").cameras[0].camera.rotation
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(found, exact, atol=10**-decimals)
    if decimals == 6:  # near enough, and left as it was written
        np.testing.assert_array_equal(found, exact.round(6))


@pytest.mark.parametrize(
    ("change", "message"),
    [(np.diag([1, 1, 1.01]), "rotation is not orthonormal"), (np.diag([1, 1, -1]), "rotation is a reflection")],
)
def test_what_is_no_rotation_but_for_rounding_is_refused(tmp_path, change, message):
    rotation = (cv2.Rodrigues(ROTATION[1])[0].round(4) @ change).tolist()
    own = {"width_px": 1920, "height_px": 1080, "intrinsics_px": K.tolist(), "translation_m": [0, 0, 2]}
    (tmp_path / "c.json").write_text(json.dumps(own | {"rotation": rotation}))
    with pytest.raises(InputError, match=message):
        read_calibration(tmp_path / "c.json")


def test_opencv_reads_back_what_opencv_writes(tmp_path):
    for name in ("w.yml", "w.json"):
        storage = cv2.FileStorage(str(tmp_path / name), cv2.FILE_STORAGE_WRITE)
        storage.write("camera_matrix", K)
        storage.write("distortion_coefficients", DISTORTION)
        storage.release()
        (one,) = read_calibration(tmp_path / name).cameras
        np.testing.assert_allclose(one.camera.intrinsics_px - K, [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
        np.testing.assert_allclose(one.camera.distortion, DISTORTION)
        assert not one.size_known


@pytest.mark.parametrize(
    "key", ["distortion", "distortions", "distortion_coeffs", "distCoef", "dist_coefs", "distortion_parameters"]
)
def test_other_plain_names_of_opencvs_coefficients(tmp_path, key):
    content = {"camera_matrix": K.tolist(), key: DISTORTION.tolist(), "image_size": [1920, 1080]}
    (tmp_path / "c.json").write_text(json.dumps(content))
    (one,) = read_calibration(tmp_path / "c.json").cameras
    assert one.camera.distortion.tolist() == DISTORTION.tolist()
    (tmp_path / "c.toml").write_text(toml(1).replace("distortions", "distortion"))
    assert_projects(read_calibration(tmp_path / "c.toml"))


def test_a_model_may_be_named_beside_the_coefficients(tmp_path):
    content = {"camera_matrix": K.tolist(), "distortion": "plumb_bob", "distortion_coeffs": DISTORTION.tolist()}
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert read_calibration(tmp_path / "c.json").cameras[0].camera.distortion.tolist() == DISTORTION.tolist()


@pytest.mark.parametrize(
    ("distortion", "expected"),
    [
        ({"k1": -0.2, "k2": 0.05, "p1": 0.001, "p2": -0.002, "k3": 0.01}, DISTORTION.tolist()),
        ({"K3": 0.01, "P2": 0, "K1": -0.2}, [-0.2, 0, 0, 0, 0.01]),
        ({"k1": 0.1, "k4": 0.3, "k5": 0, "k6": 0, "s1": 0}, [0.1, 0, 0, 0, 0, 0.3, 0, 0]),
        ({}, [0, 0, 0, 0, 0]),
    ],
)
def test_coefficients_by_name(tmp_path, distortion, expected):
    """Whatever their order; what is not named is 0."""
    (tmp_path / "c.json").write_text(json.dumps({"camera_matrix": K.tolist(), "distortion": distortion}))
    assert read_calibration(tmp_path / "c.json").cameras[0].camera.distortion.tolist() == expected
    table = ", ".join(f"{key} = {value}" for key, value in distortion.items())
    (tmp_path / "c.toml").write_text(
        toml(1).replace(f"distortions = {DISTORTION.tolist()}", f"distortion = {{{table}}}")
    )
    assert read_calibration(tmp_path / "c.toml").cameras[1].camera.distortion.tolist() == expected
    (tmp_path / "c.yaml").write_text(KALIBR.replace("[-0.2, 0.05, 0.001, -0.002]", json.dumps(distortion)))
    assert read_calibration(tmp_path / "c.yaml").cameras[0].camera.distortion.tolist() == expected


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"distortion": {"k1": -0.2, "kk2": 0.1}}, "camera c: it is not known what kk2 of the distortion is: name"),
        (
            {"dist": {"model": "plumb_bob", "coeffs": [0.1]}},
            "camera c: it is not known what model of the distortion is",
        ),
        ({"D": {"k1": "-0.2"}}, "camera c: k1 of the distortion is no number"),
        ({"D": {"k1": 0.1, "k2": 0.1, "k3": 0.1, "k4": 0.1}}, "camera c: k4 of the distortion has no k5 and k6 beside"),
        ({"D": {"k1": 0.1, "s1": 0.1}}, "camera c: the distortion has coefficients past k6"),
        ({"distortion": "plumb_bob"}, "camera c: distortion is 'plumb_bob', and no coefficients are beside it: add di"),
        ({"distortion": "plumb_bob", "coeffs": [0.1, 0, 0, 0]}, "camera c: it is not known what coeffs is: call it di"),
        ({"distortion": None, "coeffs": [0.1, 0, 0, 0]}, "camera c: it is not known what coeffs is: call it distort"),
        ({"distortion": "thin_prism", "D": [0.1, 0, 0, 0]}, "distortion is 'thin_prism', which is not known to this"),
        ({"distortion_model": "equidistant", "D": [0.1, 0, 0, 0]}, "distortion_model is 'equidistant', which is not"),
        ({"model": "fisheye", "D": [0.1, 0, 0, 0]}, "by model it is of a fisheye lens, which this project does not"),
        ({"is_fisheye": True, "D": [0.1, 0, 0, 0]}, "by is_fisheye it is of a fisheye lens, which this project does"),
    ],
)
def test_a_distortion_that_is_not_known_is_refused_by_its_key(tmp_path, more, said):
    (tmp_path / "c.json").write_text(json.dumps({"camera_matrix": K.tolist(), **more}))
    with pytest.raises(InputError, match=f"c.json: {said}"):
        read_calibration(tmp_path / "c.json")


@pytest.mark.parametrize(
    "more",
    [
        {"distortion_model": "plumb_bob", "D": []},
        {"distortion_model": "", "D": []},
        {"distortion_model": "none"},
        {"distortion": "none"},
        {"distortion_model": "Brown-Conrady", "dist": [0, 0, 0, 0]},
        {"camera_model": "GoPro HERO9", "camera_name": "fisheye_left", "is_fisheye": False, "fisheye_model": 0},
    ],
)
def test_lenses_without_distortion(tmp_path, more):
    (tmp_path / "c.json").write_text(json.dumps({"camera_matrix": K.tolist(), **more}))
    assert not read_calibration(tmp_path / "c.json").cameras[0].camera.distortion.any()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("coeffs", DISTORTION.tolist()),
        ("k", DISTORTION.tolist()),
        ("kc", DISTORTION.tolist()),
        ("RadialDistortion", [-0.2, 0.05]),
        ("tangential", [0.0, 0.001]),
        ("lens_distortion", {"k1": -0.2, "k2": 0}),
        ("k1", -0.2),
        ("lens_p2", 0.001),
        ("radial1", -0.2),
    ],
)
def test_coefficients_under_a_name_that_is_not_known_are_not_left_out(tmp_path, key, value):
    said = f"it is not known what {key} is: call it distortion"
    (tmp_path / "c.json").write_text(json.dumps({"camera_matrix": K.tolist(), key: value}))
    with pytest.raises(InputError, match=f"c.json: camera c: {said}_coefficients, a list, if"):
        read_calibration(tmp_path / "c.json")
    written = f"{{k1 = {value['k1']}}}" if isinstance(value, dict) else value
    (tmp_path / "c.toml").write_text(toml(1).replace("distortions = ", f"{key} = {written}\nonce = "))
    with pytest.raises(InputError, match=f"c.toml: camera camA: {said}s, a list, if"):
        read_calibration(tmp_path / "c.toml")


@pytest.mark.parametrize(
    "more",
    [
        {"distortion_model": "plumb_bob", "undistorted_camera_matrix": K.tolist(), "square_distances": [30.0, 30.0]},
        {"dist_flags": 3, "undistort": True, "radial": [0.0, 0.0], "P1": [K.tolist()], "k1": 0.0, "dist_error": 0.2},
    ],
)
def test_what_is_no_coefficient_is_left_alone(tmp_path, more):
    (tmp_path / "c.json").write_text(json.dumps({"camera_matrix": K.tolist(), **more}))
    (one,) = read_calibration(tmp_path / "c.json").cameras
    assert not one.camera.distortion.any()
    (tmp_path / "c.json").write_text(json.dumps({"camera_matrix": K.tolist(), "dist": [0.1, 0, 0, 0], "coeffs": [9]}))
    assert read_calibration(tmp_path / "c.json").cameras[0].camera.distortion[0] == 0.1


def test_our_own_has_the_first_pixels_centre_at_a_half(tmp_path):
    own = {"width_px": 1920, "height_px": 1080, "intrinsics_px": K.tolist(), "distortion": [[-0.2, 0.05, 0, 0]]}
    (tmp_path / "c.json").write_text(json.dumps(own))
    (one,) = read_calibration(tmp_path / "c.json").cameras
    np.testing.assert_array_equal(one.camera.intrinsics_px, K)
    np.testing.assert_array_equal(one.camera.distortion, [-0.2, 0.05, 0, 0, 0])
    own |= {"rotation": np.eye(3).tolist(), "translation_m": [0, 0, 2]}
    (tmp_path / "c.json").write_text(json.dumps(own))
    (one,) = read_calibration(tmp_path / "c.json").cameras
    assert one.placed and one.camera.position_m.tolist() == [0, 0, -2]


def test_qualisys_by_its_content(tmp_path):
    path = write_calibration(tmp_path / "exported.txt", CAMERA.format(serial="a"), CAMERA.format(serial="b"))
    assert [one.camera.id for one in read_calibration(path).cameras] == ["a", "b"]


@pytest.mark.parametrize("name", ["calibration.qca.txt", "exported.txt"])
def test_qualisys_in_px_and_not_in_parts_of_them_is_refused(tmp_path, name):
    """A focal length of 1000 px is 64000 there; 1000 would be one of 15.6 px, before a picture of 1000."""
    good, wrong = CAMERA.format(serial="a"), CAMERA.format(serial="b").replace("64000", "1000").replace("70400", "1100")
    path = write_calibration(tmp_path / name, good, wrong)
    with pytest.raises(InputError, match="camera b: with a focal length of 17.1.* px no lens .*; Qualisys has it in"):
        read_calibration(path)
    markers = wrong.replace("<camera ", '<camera model="Miqus M3" ')  # whose picture nobody sees
    assert len(read_calibration(write_calibration(path, good, markers)).cameras) == 2


def test_qualisys_with_its_axis_outside_of_the_picture_is_doubted(tmp_path):
    cameras = CAMERA.format(serial="a"), CAMERA.format(serial="b").replace("32640", "96640")  # 1510 - 10 + 0.5
    (doubt,) = read_calibration(write_calibration(tmp_path / "c.qca.txt", *cameras)).doubts
    assert doubt.startswith("camera b has its optical axis at (1500.5, 400.5), outside of its picture of 1000 x 800 px")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.toml", "a = ", "no calibration of Pose2Sim, .*as TOML"),
        ("c.toml", "[project]\nname = 'x'\n", "no table of a camera with a matrix"),
        ("c.toml", toml(1, extra="fisheye = true"), "fisheye lens"),
        ("c.toml", toml(1).replace("size = ", "length = "), "a camera has no size"),
        ("c.toml", toml(1).replace("1400.0", "-1400.0"), r"fx and fy above 0"),
        ("c.toml", toml(1).replace("camB", "camA"), "two cameras of one name"),
        ("c.toml", toml(1).replace("camB", "../camA"), "a camera's name is '../camA'"),
        ("c.toml", toml(1, [*RATIONAL, 0, 0.1, 0, 0]), r"coefficients past k6 \(thin prism or tilted model\)"),
        ("c.toml", toml(1, [*RATIONAL, *[0] * 5, 0.1]), r"coefficients past k6 \(thin prism or tilted model\)"),
        ("c.toml", toml(1, [0.1, 0.1]), "must be 4, 5 or 8 numbers k1, k2, p1, p2, k3, k4, k5, k6, not 2"),
        ("c.toml", toml(1).replace("1920.0", "1e9"), "no picture has"),
        ("c.yaml", KALIBR.replace("radtan", "equidistant"), "pinhole and equidistant: this project knows"),
        ("c.yaml", KALIBR.replace("distortion_coeffs", "once"), "cam0 is radtan and has no distortion_coeffs"),
        ("c.yaml", KALIBR.replace("T_cn_cnm1", "T_c"), "cam1 has no T_cn_cnm1"),
        ("c.yaml", "a: [1", "it is not YAML"),
        ("c.yaml", "a: &x [1]\nb: *x", "aliases, which are not read"),
        ("c.yaml", "a: !!python/object/apply:os.system ['true']", "it is not YAML"),
        ("c.yaml", "- 1", "no camera of"),
        ("c.yml", OPENCV.replace("cols: 3", "cols: 4"), "3 x 4 and has 9 numbers"),
        ("c.xml", "<?xml version='1.0'?><opencv_storage/>", "OpenCV's XML, which is not read"),
        ("c.json", "{", "not JSON"),
        ("c.json", "[" * 100_000, "not JSON"),
        ("c.json", json.dumps({"cameras": [{"K": K.tolist()}]}), "no camera of .* looked for, intrinsics_px, or"),
        ("c.json", '{"fl_x": 1450, "cx": 960, "frames": []}', "no camera of Pose2Sim, .*: camera_matrix is looked for"),
        ("c.json", "[[1]]", "no camera of Pose2Sim, .*: camera_matrix is looked for"),
        ("c.json", '{"width_px": 640}', "height_px is missing; correct that field"),
        (
            "c.json",
            json.dumps({"K": K.tolist(), "dist": [float("nan"), 0, 0, 0]}),
            "camera c: the distortion has a number that is not finite: calibrate again",
        ),
        ("c.json", '{"camera_matrix": 3}', "the matrix must be 3 x 3 numbers"),
        ("c.yml", OPENCV + "fisheye_model: 1\n", "it is of a fisheye lens"),
        ("c.yml", OPENCV.replace("1400., 0., 940., 0., 1410.", "4.2, 0., 940., 0., 4.2"), "give it in px, not in mm"),
        (
            "c.json",
            '{"mtx": [[1.2, 0, 0.5], [0, 1.2, 0.5], [0, 0, 1]], "size": [640, 480]}',
            "as a share of the picture",
        ),
    ],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_calibration(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


def _own(size_px, focal_px, x_px, y_px) -> str:
    matrix = [[focal_px, 0, x_px], [0, focal_px, y_px], [0, 0, 1]]
    return json.dumps({"width_px": size_px[0], "height_px": size_px[1], "intrinsics_px": matrix})


@pytest.mark.parametrize(
    ("size_px", "focal_mm"), [((640, 480), 35), ((640, 480), 50), ((1920, 1080), 100), ((1080, 1920), 90)]
)
def test_focal_lengths_in_mm_are_refused(tmp_path, size_px, focal_mm):
    """Of a sensor of 36 x 24 mm."""
    (tmp_path / "c.json").write_text(_own(size_px, focal_mm, 18, 12))
    said = rf"{focal_mm} px has its optical axis at \(18, 12\) of {size_px[0]} x {size_px[1]} px: give both in px of"
    with pytest.raises(InputError, match=said):
        read_calibration(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("focal_px", "x_px", "y_px"),
    [(200, 320, 240), (200, 100, 240), (700, 20, 15)],
    ids=["wide", "wide, cut at the left", "lower right quarter of a larger picture"],
)
def test_lenses_that_there_are_stay(tmp_path, focal_px, x_px, y_px):
    (tmp_path / "c.json").write_text(_own((640, 480), focal_px, x_px, y_px))
    calibration = read_calibration(tmp_path / "c.json")
    assert calibration.cameras[0].camera.intrinsics_px[0, 0] == focal_px and not calibration.doubts


def test_which_of_several_cameras(tmp_path):
    (tmp_path / "c.toml").write_text(toml(1))
    cameras = read_calibration(tmp_path / "c.toml").cameras
    assert the_camera("c.toml", cameras, "camB", "clip").camera.id == "camB"
    assert the_camera("c.toml", cameras, None, "camA").camera.id == "camA"
    assert the_camera("c.toml", cameras[:1], None, "clip").camera.id == "camA"
    with pytest.raises(InputError, match="c.toml has cameras camA, camB: say with --camera-name which took the video"):
        the_camera("c.toml", cameras, None, "clip")
