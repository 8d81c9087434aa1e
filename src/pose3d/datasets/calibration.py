"""Calibrated cameras by subject: Human3.6M's as published with the data set, or a JSON file of the same form.

The JSON form: ``intrinsics`` is a list of ``{id, center, focal_length, radial_distortion, tangential_distortion, res_w,
res_h}`` in px (k1 k2, k1 k2 k3, or k1 to k6 of a rational lens; p1 p2); ``extrinsics`` maps a subject to a list, in the
same order, of ``{orientation, translation}``, a unit quaternion w x y z and millimetres with x_world = R(q) x_camera +
translation. The key ``distortion_model`` of a camera is optional, ``opencv`` by default (see
:mod:`pose3d.geometry.distortion`). What else differs by subject, such as ``res_w`` and ``res_h``, is beside that
subject's extrinsics and replaces the camera's.
"""

import json
import os
import re
from typing import Any

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import read_small_text

MAX_SIDE_PX = 20_000
_DISTORTION = ("radial_distortion", "tangential_distortion", "distortion_model")

Cameras = dict[str, dict[str, Camera]]
"""Subject to camera id to camera, in the file's order."""


def human36m_cameras() -> Cameras:
    """Human3.6M's four cameras for each of its seven subjects with published poses."""
    return cameras_from(HUMAN36M, "the published calibration")


def read_calibration(path: str | os.PathLike) -> Cameras:
    """Read cameras from a JSON file.

    Raises:
        InputError: missing, not JSON, or not of the module's form; names the file and the key.
    """
    try:
        content = json.loads(read_small_text(path), object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: dataset.calibration must name a JSON file of cameras") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({in_words(error)}): write it again") from None
    return cameras_from(content, str(path))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, of which a key that is there twice would keep its last value."""
    keys = [key for key, _ in pairs]
    twice = [key for key in keys if keys.count(key) > 1]
    if twice:
        raise ValueError(f"it has '{twice[0]}' twice in one place")
    return dict(pairs)


def cameras_from(content: Any, source: str) -> Cameras:
    """Cameras from the module's form.

    Raises:
        InputError: it has another form; names ``source`` and what is wrong.
    """
    try:
        intrinsics = content["intrinsics"]
        ids = [str(inner["id"]) for inner in intrinsics]
        if len(set(ids)) < len(ids) or not all(re.fullmatch(r"\w[\w.-]*", one) for one in ids):
            raise ValueError(f"camera ids must differ and be made of letters, digits, - and ., not {', '.join(ids)}")
        for subject, cameras in content["extrinsics"].items():
            if len(cameras) != len(ids):
                raise ValueError(f"{subject} has {len(cameras)} cameras in extrinsics, and intrinsics has {len(ids)}")
        return {
            subject: {str(inner["id"]): _camera(inner, outer) for inner, outer in zip(intrinsics, cameras, strict=True)}
            for subject, cameras in content["extrinsics"].items()
        }
    except KeyError as error:
        raise InputError(f"{source} has no '{error.args[0]}' where the calibration needs it: add it") from None
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise InputError(
            f"{source} is not a calibration as pose3d.datasets.calibration describes it: {in_words(error)}"
        ) from None


def _camera(inner: dict[str, Any], outer: dict[str, Any]) -> Camera:
    own = inner | outer
    name = f"camera {inner['id']}"
    unknown = [key for key in own if "distor" in key.lower() and key not in _DISTORTION]
    if unknown:  # the model may be left out: misspelt, it would be another without a word
        raise ValueError(f"{name}: there is no key '{unknown[0]}', only {', '.join(_DISTORTION)}")
    fx, fy = _vector(own["focal_length"], (2,), f"{name}: focal_length")
    cx, cy = _vector(own["center"], (2,), f"{name}: center")
    k1, k2, *more = _vector(own["radial_distortion"], (2, 3, 6), f"{name}: radial_distortion")
    p1, p2 = _vector(own["tangential_distortion"], (2,), f"{name}: tangential_distortion")
    quaternion = _vector(outer["orientation"], (4,), f"{name}: orientation, a quaternion w x y z,")
    translation_mm = _vector(outer["translation"], (3,), f"{name}: translation")
    if not quaternion.any():
        raise ValueError(f"{name}: orientation is 0 0 0 0, which no quaternion of a rotation is")
    (width_px,), (height_px,) = (_vector([own[key]], (1,), f"{name}: {key}") for key in ("res_w", "res_h"))
    if min(fx, fy) <= 0 or not all(0 < size <= MAX_SIDE_PX for size in (width_px, height_px)):
        raise ValueError(f"{name} has a focal length or a resolution that no camera has")
    from scipy.spatial.transform import Rotation  # here, because most who load this module read other calibrations

    camera_from_world = Rotation.from_quat(quaternion, scalar_first=True).inv().as_matrix()
    return Camera(
        str(inner["id"]),
        int(width_px),
        int(height_px),
        np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
        np.array([k1, k2, p1, p2, *(more or [0.0])]),
        camera_from_world,
        -camera_from_world @ translation_mm / 1000,
        own.get("distortion_model", "opencv"),
    )


def _vector(values: Any, counts: tuple[int, ...], what: str) -> np.ndarray:
    """(n,) of a list of so many numbers; a ValueError says what is none."""
    try:
        vector = np.array(values, np.float64)
    except (TypeError, ValueError):
        vector = np.zeros(0)
    if vector.ndim != 1 or len(vector) not in counts or not np.isfinite(vector).all():
        numbers = "a number" if counts == (1,) else f"{' or '.join(map(str, counts))} numbers in a list"
        raise ValueError(f"{what} must be {numbers}")
    return vector


def calibration_of(cameras: Cameras) -> dict[str, Any]:
    """The module's form of some cameras: the inverse of :func:`cameras_from`.

    Raises:
        InputError: subjects have different cameras.
    """
    first_subject, first = next(iter(cameras.items()))
    for subject, own in cameras.items():
        if list(own) != list(first):
            raise InputError(
                f"{first_subject} has cameras {', '.join(first)} and {subject} {', '.join(own)}: a calibration has the "
                "same cameras for all subjects"
            )
    shared = [_intrinsics_of(camera) for camera in first.values()]
    return {
        "intrinsics": shared,
        "extrinsics": {
            subject: [_extrinsics_of(camera, inner) for camera, inner in zip(own.values(), shared, strict=True)]
            for subject, own in cameras.items()
        },
    }


def _intrinsics_of(camera: Camera) -> dict[str, Any]:
    k1, k2, p1, p2, *more = camera.distortion.tolist()
    return {
        "id": camera.id,
        "center": camera.intrinsics_px[:2, 2].tolist(),
        "focal_length": np.diag(camera.intrinsics_px)[:2].tolist(),
        "radial_distortion": [k1, k2, *more],
        "tangential_distortion": [p1, p2],
        "distortion_model": camera.distortion_model,
        "res_w": camera.width_px,
        "res_h": camera.height_px,
    }


def _extrinsics_of(camera: Camera, shared: dict[str, Any]) -> dict[str, Any]:
    from scipy.spatial.transform import Rotation

    return {
        "orientation": Rotation.from_matrix(camera.rotation.T).as_quat(scalar_first=True).tolist(),
        "translation": (1000 * camera.position_m).tolist(),
        **{key: value for key, value in _intrinsics_of(camera).items() if value != shared[key]},
    }


# Facts published with Human3.6M; no part of the licensed recordings. The tangential terms are p1, p2 in the authors'
# order. Two cameras have 1002 rows; of S7 (as of S4 and S10, whose poses are not published) all four have.
HUMAN36M = {
    "intrinsics": [
        {
            "id": "54138969",
            "center": [512.54150390625, 515.4514770507812],
            "focal_length": [1145.0494384765625, 1143.7811279296875],
            "radial_distortion": [-0.20709891617298126, 0.24777518212795258, -0.0030751503072679043],
            "tangential_distortion": [-0.00142447161488235, -0.0009756988729350269],
            "distortion_model": "human36m",
            "res_w": 1000,
            "res_h": 1002,
        },
        {
            "id": "55011271",
            "center": [508.8486328125, 508.0649108886719],
            "focal_length": [1149.6756591796875, 1147.5916748046875],
            "radial_distortion": [-0.1942136287689209, 0.2404085397720337, 0.006819975562393665],
            "tangential_distortion": [-0.0027408944442868233, -0.0016190266469493508],
            "distortion_model": "human36m",
            "res_w": 1000,
            "res_h": 1000,
        },
        {
            "id": "58860488",
            "center": [519.8158569335938, 501.40264892578125],
            "focal_length": [1149.1407470703125, 1148.7989501953125],
            "radial_distortion": [-0.2083381861448288, 0.25548800826072693, -0.0024604974314570427],
            "tangential_distortion": [-0.0007599993259645998, 0.0014843869721516967],
            "distortion_model": "human36m",
            "res_w": 1000,
            "res_h": 1000,
        },
        {
            "id": "60457274",
            "center": [514.9682006835938, 501.88201904296875],
            "focal_length": [1145.5113525390625, 1144.77392578125],
            "radial_distortion": [-0.198384091258049, 0.21832367777824402, -0.008947807364165783],
            "tangential_distortion": [-0.0018133620033040643, -0.0005872055771760643],
            "distortion_model": "human36m",
            "res_w": 1000,
            "res_h": 1002,
        },
    ],
    "extrinsics": {
        "S1": [
            {
                "orientation": [0.1407056450843811, -0.1500701755285263, -0.755240797996521, 0.6223280429840088],
                "translation": [1841.1070556640625, 4955.28466796875, 1563.4454345703125],
            },
            {
                "orientation": [0.6157187819480896, -0.764836311340332, -0.14833825826644897, 0.11794740706682205],
                "translation": [1761.278564453125, -5078.0068359375, 1606.2650146484375],
            },
            {
                "orientation": [0.14651472866535187, -0.14647851884365082, 0.7653023600578308, -0.6094175577163696],
                "translation": [-1846.7777099609375, 5215.04638671875, 1491.972412109375],
            },
            {
                "orientation": [0.5834008455276489, -0.7853162288665771, 0.14548823237419128, -0.14749594032764435],
                "translation": [-1794.7896728515625, -3722.698974609375, 1574.8927001953125],
            },
        ],
        "S5": [
            {
                "orientation": [0.1467377245426178, -0.162370964884758, -0.7551892995834351, 0.6178938746452332],
                "translation": [2097.3916015625, 4880.94482421875, 1605.732421875],
            },
            {
                "orientation": [0.6159758567810059, -0.7626792192459106, -0.15728192031383514, 0.1189815029501915],
                "translation": [2031.7008056640625, -5167.93310546875, 1612.923095703125],
            },
            {
                "orientation": [0.14291371405124664, -0.12907841801643372, 0.7678384780883789, -0.6110143065452576],
                "translation": [-1620.5948486328125, 5171.65869140625, 1496.43701171875],
            },
            {
                "orientation": [0.5920479893684387, -0.7814217805862427, 0.1274748593568802, -0.15036417543888092],
                "translation": [-1637.1737060546875, -3867.3173828125, 1547.033203125],
            },
        ],
        "S6": [
            {
                "orientation": [0.1337897777557373, -0.15692396461963654, -0.7571090459823608, 0.6198879480361938],
                "translation": [1935.4517822265625, 4950.24560546875, 1618.0838623046875],
            },
            {
                "orientation": [0.6147197484970093, -0.7628812789916992, -0.16174767911434174, 0.11819244921207428],
                "translation": [1969.803955078125, -5128.73876953125, 1632.77880859375],
            },
            {
                "orientation": [0.1529948115348816, -0.13529130816459656, 0.7646096348762512, -0.6112781167030334],
                "translation": [-1769.596435546875, 5185.361328125, 1476.993408203125],
            },
            {
                "orientation": [0.5916101336479187, -0.7804774045944214, 0.12832270562648773, -0.1561593860387802],
                "translation": [-1721.668701171875, -3884.13134765625, 1540.4879150390625],
            },
        ],
        "S7": [
            {
                "orientation": [0.1435241848230362, -0.1631336808204651, -0.7548328638076782, 0.6188824772834778],
                "translation": [1974.512939453125, 4926.3544921875, 1597.8326416015625],
                "res_h": 1002,
            },
            {
                "orientation": [0.6141672730445862, -0.7638262510299683, -0.1596645563840866, 0.1177929937839508],
                "translation": [1937.0584716796875, -5119.7900390625, 1631.5665283203125],
                "res_h": 1002,
            },
            {
                "orientation": [0.14550060033798218, -0.12874816358089447, 0.7660516500473022, -0.6127139329910278],
                "translation": [-1741.8111572265625, 5208.24951171875, 1464.8245849609375],
                "res_h": 1002,
            },
            {
                "orientation": [0.5912848114967346, -0.7821764349937439, 0.12445473670959473, -0.15196487307548523],
                "translation": [-1734.7105712890625, -3832.42138671875, 1548.5830078125],
                "res_h": 1002,
            },
        ],
        "S8": [
            {
                "orientation": [0.14110587537288666, -0.15589867532253265, -0.7561917304992676, 0.619644045829773],
                "translation": [2150.65185546875, 4896.1611328125, 1611.9046630859375],
            },
            {
                "orientation": [0.6169601678848267, -0.7647668123245239, -0.14846350252628326, 0.11158157885074615],
                "translation": [2219.965576171875, -5148.453125, 1613.0440673828125],
            },
            {
                "orientation": [0.1471444070339203, -0.13377119600772858, 0.7670128345489502, -0.6100369691848755],
                "translation": [-1571.2215576171875, 5137.0185546875, 1498.1761474609375],
            },
            {
                "orientation": [0.5927824378013611, -0.7825870513916016, 0.12147816270589828, -0.14631995558738708],
                "translation": [-1476.913330078125, -3896.7412109375, 1547.97216796875],
            },
        ],
        "S9": [
            {
                "orientation": [0.15540587902069092, -0.15548215806484222, -0.7532095313072205, 0.6199594736099243],
                "translation": [2044.45849609375, 4935.1171875, 1481.2275390625],
            },
            {
                "orientation": [0.618784487247467, -0.7634735107421875, -0.14132238924503326, 0.11933968216180801],
                "translation": [1990.959716796875, -5123.810546875, 1568.8048095703125],
            },
            {
                "orientation": [0.13357827067375183, -0.1367100477218628, 0.7689454555511475, -0.6100738644599915],
                "translation": [-1670.9921875, 5211.98583984375, 1528.387939453125],
            },
            {
                "orientation": [0.5879399180412292, -0.7823407053947449, 0.1427614390850067, -0.14794869720935822],
                "translation": [-1696.04345703125, -3827.099853515625, 1591.4127197265625],
            },
        ],
        "S11": [
            {
                "orientation": [0.15232472121715546, -0.15442320704460144, -0.7547563314437866, 0.6191070079803467],
                "translation": [2098.440185546875, 4926.5546875, 1500.278564453125],
            },
            {
                "orientation": [0.6189449429512024, -0.7600917220115662, -0.15300633013248444, 0.1255258321762085],
                "translation": [2083.182373046875, -4912.1728515625, 1561.07861328125],
            },
            {
                "orientation": [0.14943228662014008, -0.15650227665901184, 0.7681233882904053, -0.6026304364204407],
                "translation": [-1609.8153076171875, 5177.3359375, 1537.896728515625],
            },
            {
                "orientation": [0.5894251465797424, -0.7818877100944519, 0.13991211354732513, -0.14715361595153809],
                "translation": [-1590.738037109375, -3854.1689453125, 1578.017578125],
            },
        ],
    },
}
