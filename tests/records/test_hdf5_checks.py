"""HDF5 files that lead elsewhere or claim more than they hold: nothing of them is read."""

import struct

import h5py
import numpy as np
import pytest

from pose3d.records.hdf5 import create_hdf5, open_hdf5, write_dataset
from pose3d.records.hdf5_checks import check_own_file, check_packed_dataset
from pose3d.records.sequences import keys_in
from pose3d.runtime.errors import InputError

SECRET = "secret.h5"


@pytest.fixture
def path(tmp_path):
    """A stage's file that is right, beside another that is no business of its readers."""
    with create_hdf5(tmp_path / SECRET) as file:
        write_dataset(file.create_group("S1/Walk/cam0"), "keypoints_px", np.ones((4, 17, 2), np.float32))
    with create_hdf5(tmp_path / "keypoints2d.h5") as file:
        write_dataset(file.create_group("S5/Walk/cam0"), "keypoints_px", np.ones((4, 17, 2), np.float32))
        write_dataset(file["S5/Walk/cam0"], "nothing", np.empty((0, 17, 2), np.float32))
    return tmp_path / "keypoints2d.h5"


def virtual(file):
    layout = h5py.VirtualLayout((4, 17, 2), np.float32)
    layout[:] = h5py.VirtualSource(SECRET, "S1/Walk/cam0/keypoints_px", (4, 17, 2))
    file.create_virtual_dataset("S1", layout)


def link(target):
    return lambda file: file.__setitem__("S1", target)


def dataset(*arguments, **how):
    return lambda file: file.create_dataset("S1", *arguments, **how)


def inside_a_group(file):
    file["S5/Walk/cam0/confidence"] = h5py.ExternalLink(SECRET, "S1/Walk/cam0/keypoints_px")


ATTACKS = {
    "an external link": (link(h5py.ExternalLink(SECRET, "S1")), "S1 is a link to something else"),
    "an external link in a group": (inside_a_group, "S5/Walk/cam0/confidence is a link to something else"),
    "an external link to a device": (link(h5py.ExternalLink("/dev/zero", "S1")), "S1 is a link"),
    "a soft link": (link(h5py.SoftLink("/S5")), "S1 is a link to something else"),
    "external storage": (dataset((9,), "u1", external=[("/etc/passwd", 0, 9)]), "S1 is stored in other files"),
    "a virtual dataset": (virtual, "S1 is stored in other files"),
    "a terabyte of no chunks": (dataset((10**6, 10**6), "u1", chunks=(100, 100)), "which the file does not hold"),
    "a terabyte of nothing": (dataset((10**6, 10**6), "u1"), "which the file does not hold"),
    "rows without end": (dataset((10**12, 0), "u1"), "which the file does not hold"),
    "zeros packed a thousand times": (
        dataset(data=np.zeros((1000, 1000), np.uint8), compression="gzip"),
        "packed in another way",
    ),
    "another filter": (dataset(data=np.zeros(99), compression="lzf"), "packed in another way"),
    "text of any length": (dataset((9,), h5py.string_dtype()), "another type than numbers"),
    "an enormous item": (dataset((1,), "S1000000000"), "which the file does not hold"),
    "no shape": (lambda file: file.__setitem__("S1", h5py.Empty("f4")), "has no shape"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_stages_file_that_leads_elsewhere_or_claims_too_much_is_refused(path, attack):
    spoil, message = ATTACKS[attack]
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(InputError, match=message) as raised:
        keys_in(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_datasets_that_share_the_same_bytes_are_counted_against_the_files_size(path):
    with h5py.File(path, "r+") as file:
        shared = file.create_dataset("S1", data=np.zeros(2**20, np.uint8)).id.get_offset()
        for name in "abc":
            file.create_dataset(name, (2**20,), np.uint8)  # which has no bytes yet
    content = path.read_bytes()
    nowhere, size = b"\x03\x01" + b"\xff" * 8, struct.pack("<Q", 2**20)
    assert content.count(nowhere + size) == 3
    path.write_bytes(content.replace(nowhere + size, b"\x03\x01" + struct.pack("<Q", shared) + size))
    with pytest.raises(InputError, match=r"its datasets claim 4\d+ bytes of the file's 1\d+"):
        check_own_file(path)


def test_a_right_file_passes_and_is_looked_at_once(path, monkeypatch):
    check_own_file(path)
    monkeypatch.setattr("pose3d.records.hdf5_checks.check_links", None)
    with open_hdf5(path) as file:
        assert list(file) == ["S5"]


def test_a_file_that_has_changed_is_looked_at_again(path):
    check_own_file(path)
    with h5py.File(path, "r+") as file:
        file["S1"] = h5py.ExternalLink(SECRET, "S1")
    with pytest.raises(InputError, match="S1 is a link"):
        check_own_file(path)


@pytest.mark.parametrize(
    ("shape", "how", "message"),
    [
        ((1000, 1002), {}, None),
        ((2**28,), {"chunks": (2**20,)}, "claims shape"),
        ((10,), {"chunks": (2**28,), "maxshape": (None,)}, "pieces that are too large"),
    ],
)
def test_what_others_pack_may_unpack_to_what_memory_holds(tmp_path, shape, how, message):
    with h5py.File(tmp_path / "x.mat", "w") as file:
        packed = file.create_dataset("mask", shape, "u1", compression="gzip", **how)
        if message is None:
            check_packed_dataset(packed)
        else:
            with pytest.raises(ValueError, match=message):
                check_packed_dataset(packed)


def test_a_piece_that_unpacks_to_more_than_it_is_declared_to_be_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.mat", "w") as file:
        packed = file.create_dataset("mask", (100,), "u1", compression="gzip", chunks=(100,))
        packed.id.write_direct_chunk((0,), bytes(2**20 + 1))
        with pytest.raises(ValueError, match="pieces that are too large"):
            check_packed_dataset(packed)
