"""Files made to fill memory, read in a process of their own whose peak is measured; and commands that carry no params.

What a file makes its reader do is tested beside each reader; here is what it costs.
"""

import json
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 2 * 10**9
MOST_SECONDS = 60


def jpeg(path, side_px):
    from tiny_video import jpeg_that_claims

    path.write_bytes(jpeg_that_claims(side_px, side_px) + b"\xff\xd9")


def png(path):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(bytes(2**24))
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def image(path):
    from pose3d.records.frames import decode_image, read_image_file

    decode_image(read_image_file(path), str(path))


def zeros_packed(wbits, n_bytes, header=b""):
    """Zeros, packed as one piece that is repeated: making it takes neither memory nor time."""
    piece = bytes(2**20)
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    start = packer.compress(header + piece) + packer.flush(zlib.Z_FULL_FLUSH)
    repeated = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + repeated * (n_bytes // 2**20 - 1) + packer.flush()


def zip_of_zeros(path, name, header=b"", n_bytes=3 * 2**30):
    packed = zeros_packed(-15, n_bytes, header)
    size = len(header) + n_bytes
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(packed), size, len(name), 0)
    entry = struct.pack("<4sH", b"PK\x01\x02", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name.encode()
    local = b"PK\x03\x04" + fields + name.encode() + packed
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    path.write_bytes(local + entry + end)


def npy_header(dtype, shape):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def npz(path):
    zip_of_zeros(path, "positions_3d.npy", npy_header("<f4", (3 * 2**28,)))


def predictions(path):
    zip_of_zeros(path, "time_s.npy", npy_header("<f8", (3 * 2**27,)))


def read_npz(path):
    from pose3d.records.pickled_npz import read_pickled_npz

    read_pickled_npz(path, ["positions_3d"])


def read_predictions(path):
    from pose3d.formats.predictions import read_predictions

    read_predictions(path)


def model(path):
    zip_of_zeros(path, "m/data/0")


def read_model(path):
    from pose3d.training.model_file import load_model

    load_model(path)


def lifter(width, blocks):
    def write(path):
        import torch

        from pose3d.training.model_file import save_model

        save_model(path, {"lifter": "frame", "width": width, "blocks": blocks}, {"weight": torch.zeros(1)})

    return write


def read_lifter(path):
    from pose3d.lifting.lift import load_lifter

    load_lifter(path)


def network(path):
    from pose3d.training.model_file import save_model

    save_model(path, {"backbone": "resnet18", "deconv_channels": [256], "stem_channels": 1000}, {})


def read_network(path):
    from pose3d.pose2d.inference import load_network

    load_network(path)


def old_checkpoint(path):
    """Of the format before archives; its tensor claims 8 GiB."""
    import torch

    n_held, n_claimed = 10**6 + 3, 2**31 - 1
    torch.save({"conv1.weight": torch.zeros(n_held)}, path, _use_new_zipfile_serialization=False)
    content, held = path.read_bytes(), b"J" + struct.pack("<i", n_held)
    assert content.count(held) == 2  # the length of the storage and the tensor's shape
    path.write_bytes(content.replace(held, b"J" + struct.pack("<i", n_claimed)))


class HugeNumber:
    """Unpickles as a number of NumPy, of a type of 2.1 GB."""

    def __reduce__(self):
        import numpy as np

        scalar, _ = np.float64(0).__reduce__()
        return scalar, (np.dtype("V2100000000"),)


def numbers(path):
    import torch

    torch.save({"state_dict": {"conv1.weight": torch.zeros(1)}, "best": HugeNumber()}, path)


def packed_checkpoint(path):
    zip_of_zeros(path, "m/data/0")


def read_start(path):
    from pose3d.config.pose2d import PoseResNetParams
    from pose3d.pose2d.network import PoseResNet
    from pose3d.pose2d.pretrained import load_pretrained

    sizes = PoseResNetParams(
        kind="pose_resnet", backbone="resnet18", stem_channels=8, deconv_channels=(8,), left_right_weight=0
    )
    load_pretrained(PoseResNet("resnet18", (8,), 8), path, sizes)


def laughs(path):
    lines = [f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(30)]
    path.write_text("\n".join(["a0: &a0 [lol]", *lines, "size: *a30"]))


def read_params(path):
    from pose3d.config.reading import read_yaml

    read_yaml(path)


def cdf(path):
    packed = zeros_packed(31, 2 * 2**30)
    record = struct.pack(">QIQQI", 32 + len(packed), 10, 40 + len(packed), 2 * 2**30, 0) + packed
    path.write_bytes(b"\xcd\xf3\x00\x01\xcc\xcc\x00\x01" + record + struct.pack(">QIIIII", 28, 11, 5, 0, 1, 6))


def read_cdf(path):
    from pose3d.datasets.human36m_files import read_poses

    read_poses(path)


def hdf5(path):
    import h5py

    from pose3d.records.hdf5 import create_hdf5

    with create_hdf5(path) as file:
        file.create_dataset("S1/Walk/cam0/keypoints_px", (10**9, 17, 2), "f4", chunks=(1000, 17, 2))
    with h5py.File(path) as file:
        assert file["S1/Walk/cam0/keypoints_px"].nbytes > 10**11


def read_hdf5(path):
    from pose3d.records.hdf5 import open_hdf5

    with open_hdf5(path) as file:
        file["S1/Walk/cam0/keypoints_px"][...]


def without_end(path):
    path.touch()
    os.truncate(path, 3 * 2**30)


def read_camera(path):
    from pose3d.predict.clip import read_camera

    read_camera(path, 64, 48)


def read_boxes(path):
    from pose3d.predict.given_boxes import GivenBoxes

    GivenBoxes(path, 64, 48)


def film(path):
    """A short video whose header claims 10^9 frames."""
    import cv2
    import numpy as np

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(4):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"avih") + 8 + 16, 10**9)
    struct.pack_into("<I", content, content.index(b"strh") + 8 + 32, 10**9)
    path.write_bytes(content)


def read_film(path):
    from pose3d.formats.clip import Clip
    from pose3d.runtime.errors import InputError

    with Clip(path) as clip:
        frames = sum(1 for _ in clip)
        raise InputError(f"{path} claims {clip.claimed_frames} frames, {frames} decode")


ATTACKS = {
    "small.jpg": (lambda path: jpeg(path, 30_000), image, "does not decode"),
    "large.jpg": (lambda path: jpeg(path, 65_000), image, "does not decode"),
    "large.png": (png, image, "does not decode"),
    "endless.jpg": (without_end, image, "does not decode"),
    "data_3d.npz": (npz, read_npz, "claims to unpack to 3 GiB"),
    "predictions.npz": (predictions, read_predictions, "claims to unpack to more than it holds"),
    "model.pt": (model, read_model, "claims to unpack to more than it holds"),
    "wide.pt": (lifter(30_000, 1), read_lifter, "weights of another architecture"),
    "wider.pt": (lifter(10**15, 1), read_lifter, "weights of another architecture"),
    "deep.pt": (lifter(8, 10**9), read_lifter, "is not a lifter of this project"),
    "pose2d.pt": (network, read_network, "weights of another architecture"),
    "start.pth": (packed_checkpoint, read_start, "is not a checkpoint, or damaged"),
    "start.pth.tar": (old_checkpoint, read_start, "is not a checkpoint, or damaged"),
    "numbers.pth": (numbers, read_start, "has conv1.weight of shape"),
    "params.yaml": (laughs, read_params, "aliases are not read"),
    "Directions.cdf": (cdf, read_cdf, "unpacks to more than a take has"),
    "keypoints2d.h5": (hdf5, read_hdf5, "which the file does not hold"),
    "camera.json": (without_end, read_camera, "larger than 1 MiB"),
    "boxes.csv": (without_end, read_boxes, "larger than 32 MiB"),
    "film.avi": (film, read_film, r"claims 1000000000 frames, 4 decode"),
}

READ = """
import json, sys
import pose3d  # first, as in every command, for OpenCV reads its bounds when it is imported
from pathlib import Path
from pose3d.runtime.errors import InputError
from test_hostile import ATTACKS

for name, (_, read, _) in ATTACKS.items():
    try:
        read(Path(name).absolute())
        said = None
    except InputError as error:
        said = str(error)
    peak_kib = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    print("\\n" + json.dumps([name, said, int(peak_kib) * 1024]))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a process that reads all files says of each, and its peak of memory until then."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _, _) in ATTACKS.items():
        make(folder / name)
    paths = [ROOT / "src", ROOT / "tests", Path(__file__).parent]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    environment.pop("OPENCV_IO_MAX_IMAGE_PIXELS", None)
    command = [sys.executable, "-c", READ]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in folder.iterdir()) == sorted(ATTACKS), "nothing is written"
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {name: (str(folder / name), said, peak_bytes) for name, said, peak_bytes in lines}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read as Linux tells it")
@pytest.mark.parametrize("name", ATTACKS)
def test_no_file_fills_memory(told, name):
    path, said, peak_bytes = told[name]
    assert said and path in said and re.search(ATTACKS[name][2], said) and "\n" not in said
    assert peak_bytes < MOST_BYTES


def test_the_zip_is_one_that_would_unpack(tmp_path):
    """Else the tests above would be passed by damage."""
    zip_of_zeros(tmp_path / "x.zip", "zeros", n_bytes=2**22)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive, archive.open("zeros") as file:
        file._expected_crc = None  # it is not worked out
        assert file.read() == bytes(2**22)


def test_no_param_reaches_a_shell():
    """DVC gives its commands to a shell: they are the same whatever the params are."""
    import yaml

    definition = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    assert "vars" not in definition and definition["stages"]
    for stage in definition["stages"].values():
        assert re.fullmatch(r"PYTHONPATH=src:\$PYTHONPATH python stages/\w+\.py", stage["cmd"])
        assert not {"foreach", "matrix", "do"} & set(stage)
