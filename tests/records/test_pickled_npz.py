import copyreg
import functools
import os
import pickle
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from pose3d.records import pickled_npz
from pose3d.records.pickled_npz import read_pickled_npz, read_shapes
from pose3d.runtime.errors import InputError


def npy_header(description):
    return np.lib.format.magic(1, 0) + struct.pack("<H", len(description)) + description.encode()


HEADER = npy_header("{'descr': '|O', 'fortran_order': False, 'shape': ()}\n")
CONTENT = {
    "S1": {
        "Walking 1": np.arange(24, dtype=np.float32).reshape(4, 2, 3),
        "Walking": [np.zeros((0, 17, 2)), np.ones((2, 17, 2), ">f8", order="F")],
        3: (np.arange(5), np.array([True, False]), np.array(["a", "bcd"]), b"", b"bytes\xff", None, True, -1.5, 2**40),
    },
    "scalars": [np.float32(0.5), np.int64(-3), np.str_("x")],
    "ragged": np.array([np.arange(3.0), {"a": np.arange(2)}, None], dtype=object),
}


def write_pickle(path, pickled, compression=zipfile.ZIP_STORED):
    """An archive whose member ``data`` is a pickle of any bytes."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("data.npy", HEADER + pickled)
    return path


def assert_same(read, wanted):
    assert type(read) is type(wanted)
    if isinstance(wanted, dict):
        assert list(read) == list(wanted)
        for key in wanted:
            assert_same(read[key], wanted[key])
    elif isinstance(wanted, list | tuple) or (isinstance(wanted, np.ndarray) and wanted.dtype == object):
        assert len(read) == len(wanted)
        for a, b in zip(read, wanted, strict=True):
            assert_same(a, b)
    elif isinstance(wanted, np.ndarray):
        assert read.shape == wanted.shape
        assert read.dtype == wanted.dtype.newbyteorder("=")  # NumPy swaps bytes while it unpickles
        np.testing.assert_array_equal(read, wanted)
    else:
        assert read == wanted


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saves_comes_back(tmp_path, save):
    path = tmp_path / "all.npz"
    plain = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    save(path, content=CONTENT, plain=plain, several=CONTENT["ragged"], unwanted=plain)
    read = read_pickled_npz(path, ["content", "plain", "several", "not there"])
    assert list(read) == ["content", "plain", "several"]
    assert_same(read["content"], CONTENT)
    assert_same(read["plain"], plain)
    assert_same(read["several"], CONTENT["ragged"])


@pytest.mark.parametrize("numpy_core", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_all_protocols_that_numpy_has_used(tmp_path, protocol, numpy_core):
    pickled = pickle.dumps(CONTENT, protocol)
    if protocol < 4:  # there the name has no length before it
        pickled = pickled.replace(b"numpy._core.multiarray", numpy_core)
    assert_same(read_pickled_npz(write_pickle(tmp_path / "x.npz", pickled), ["data"])["data"], CONTENT)


def test_a_pickle_of_python_2(tmp_path):
    numbers = np.array([1.5, -2.25], "<f4")
    pickled = (
        b"\x80\x02}U\x02S1cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85"
        b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x08"
        + numbers.tobytes()
        + b"tbs."
    )
    assert_same(read_pickled_npz(write_pickle(tmp_path / "x.npz", pickled), ["data"])["data"], {"S1": numbers})


def text(string):
    return b"\x8c" + struct.pack("B", len(string)) + string.encode()


def named(module, name):
    return text(module) + text(name) + b"\x93"


class Reduced:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


ATTACKS = {
    "system": lambda command: (pickle.dumps(Reduced(os.system, command), 4), "posix.system"),
    "system, old protocol": lambda command: (pickle.dumps(Reduced(os.system, command), 0), "GLOBAL|posix.system"),
    "in an array": lambda command: (
        pickle.dumps(np.array([{"a": [Reduced(os.system, command)]}], dtype=object), 4),
        "posix.system",
    ),
    "eval": lambda command: (
        pickle.dumps(Reduced(eval, f"__import__('os').system({command!r})"), 2),
        "__builtin__.eval",
    ),
    "getattr": lambda command: (
        b"\x80\x04" + named("builtins", "getattr") + named("numpy", "os") + text("system") + b"\x86R.",
        "builtins.getattr",
    ),
    "dots": lambda command: (
        b"\x80\x04" + named("numpy", "lib.npyio.os.system") + text(command) + b"\x85R.",
        "numpy.lib.npyio.os.system",
    ),
    "dots after an admitted name": lambda command: (
        b"\x80\x04" + named("numpy.core.multiarray", "_reconstruct.__globals__") + b".",
        "numpy.core.multiarray._reconstruct.__globals__",
    ),
    "an old global with dots": lambda command: (
        b"\x80\x02cnumpy\nf2py.os.system\n" + text(command) + b"\x85R.",
        "numpy.f2py.os.system",
    ),
    "INST": lambda command: (b"\x80\x02(" + text(command) + b"iposix\nsystem\n.", "INST"),
    "OBJ": lambda command: (b"\x80\x02(cposix\nsystem\n" + text(command) + b"o.", "posix.system"),
    "OBJ of an admitted name": lambda command: (b"\x80\x02(cnumpy\ndtype\n" + text("f4") + b"o.", "OBJ"),
    "EXT1": lambda command: (b"\x80\x02\x82\xf0" + text(command) + b"\x85R.", "EXT1"),
    "EXT4": lambda command: (b"\x80\x02\x84\xf0\0\0\0" + text(command) + b"\x85R.", "EXT4"),
    "copyreg": lambda command: (
        b"\x80\x02ccopyreg\n_reconstructor\n(cos\n_wrap_close\nc__builtin__\nobject\nNtR.",
        "copyreg._reconstructor",
    ),
    "numpy.load": lambda command: (pickle.dumps(Reduced(np.load, "x.npy", None, True), 4), "load"),
    "partial": lambda command: (pickle.dumps(functools.partial(os.system, command), 4), "functools.partial"),
    "NEWOBJ": lambda command: (b"\x80\x02cnumpy\nndarray\nK\x01\x85\x81.", "NEWOBJ"),
    "PERSID": lambda command: (b"\x80\x02P" + command.encode() + b"\n.", "PERSID"),
    "BINPERSID": lambda command: (b"\x80\x02" + text(command) + b"Q.", "BINPERSID"),
    "out-of-band buffer": lambda command: (b"\x80\x05\x97.", "NEXT_BUFFER"),
    "state of a function": lambda command: (
        b"\x80\x02cnumpy\nndarray\nN}" + text("__defaults__") + text(command) + b"s\x86b.",
        "state of a function",
    ),
    "state of a dict": lambda command: (b"\x80\x02}}" + text("__setstate__") + text(command) + b"sb.", "of a dict"),
    "ndarray called": lambda command: (b"\x80\x02cnumpy\nndarray\n)R.", "calls numpy.ndarray"),
    "a string called": lambda command: (b"\x80\x02" + text(command) + b")R.", "calls what is no function"),
    "another kind of array": lambda command: (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85" + text("b") + b"\x87R.",
        "another kind than numpy.ndarray",
    ),
    "a subclass of array": lambda command: (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nmemmap\nK\x00\x85" + text("b") + b"\x87R.",
        "numpy.memmap",
    ),
    "a dtype with fields": lambda command: (pickle.dumps(np.zeros(2, "i4,f8"), 4), "dtype"),
    "a key that crashes": lambda command: (
        b"\x80\x02}(" + b")" + b"\x85" * 100_000 + b"K\x01u.",
        "keys that are neither names nor numbers",
    ),
    "the same, alone": lambda command: (
        b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"K\x01s.",
        "keys that are neither names nor numbers",
    ),
    "another codec": lambda command: (
        b"\x80\x02c_codecs\nencode\n" + text(command) + text("idna") + b"\x86R.",
        "encodes something else",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_cannot_run_code(tmp_path, monkeypatch, attack):
    canary = tmp_path / "canary"
    pickled, refused = ATTACKS[attack](f"touch {canary}")
    monkeypatch.setitem(copyreg._inverted_registry, 240, ("posix", "system"))
    monkeypatch.setitem(copyreg._extension_cache, 240, os.system)
    path = write_pickle(tmp_path / "x.npz", pickled)
    with pytest.raises(InputError) as raised:
        read_pickled_npz(path, ["data"])
    assert re.search(refused, str(raised.value)) and str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not canary.exists()
    assert pickled_npz._ndarray.__defaults__ is None


def test_the_canary_sings_without_the_guard(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(ATTACKS["system"](f"touch {canary}")[0])
    assert canary.exists()


def array_pickle(shape, content=b"12345678", dtype=b"U\x02f4"):
    """A pickled array that claims ``shape`` (pickled)."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + shape
        + b"cnumpy\ndtype\n"
        + dtype
        + b"K\x00K\x01\x87R\x89"
        + b"B"
        + struct.pack("<I", len(content))
        + content
        + b"tb."
    )


def pickled_tuple(*sizes):
    return b"(" + b"".join(b"\x8a\x0a" + size.to_bytes(10, "little", signed=True) for size in sizes) + b"t"


def repeated(prepare, repeat, n_times=200):
    """A pickle that memoises what ``prepare`` leaves on the stack and goes on to repeat two-byte references to it."""
    return b"\x80\x04" + b"".join(part + b"q" + bytes([i]) for i, part in enumerate(prepare)) + repeat * n_times


def unicode(n_characters):
    return b"X" + struct.pack("<I", n_characters) + b"a" * n_characters


NEW_ARRAY = [b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\nK\x00\x85U\x01b\x87"]
COPIES = {
    "bytes": repeated([b"c_codecs\nencode\n", unicode(10**6) + b"U\x06latin1\x86"], b"h\x00h\x01R"),
    "arrays of text": repeated(
        [*NEW_ARRAY, b"(K\x01" + pickled_tuple(10**6) + b"cnumpy\ndtype\nU\x02i1\x85R\x89" + unicode(10**6) + b"t"],
        b"h\x00h\x01Rh\x02b",
    ),
    "arrays of objects": repeated(
        [
            *NEW_ARRAY,
            b"(K\x01" + pickled_tuple(10**5) + b"cnumpy\ndtype\nU\x02O8\x85R\x89](" + b"N" * 10**5 + b"et",
        ],
        b"h\x00h\x01Rh\x02b",
    ),
    "scalars": repeated(
        [
            b"cnumpy.core.multiarray\nscalar\n",
            b"cnumpy\ndtype\nU\x07S999999\x85R" + unicode(999_999) + b"\x86",
        ],
        b"h\x00h\x01R",
    ),
}


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        *((pickled, "larger than what they are made of") for pickled in COPIES.values()),
        (b"\x80\x04\x95" + struct.pack("<Q", 2_400_000) + b"]}(" * 800_000, "more than 1000000 instructions"),
        (array_pickle(pickled_tuple(2))[:-1] + b"K\x00](NNes.", "sets items of a ndarray"),
        (array_pickle(pickled_tuple(2))[:-1] + b"(K\x00](NNeu.", "sets items of a ndarray"),
        (array_pickle(pickled_tuple(2**30)), "disagree"),
        (array_pickle(pickled_tuple(2**32, 2**32)), "shape is no shape"),
        (array_pickle(pickled_tuple(0, 2**62, 2**62), b""), "shape is no shape"),
        (array_pickle(pickled_tuple(-1, -2)), "shape is no shape"),
        (array_pickle(b"(U\x012t"), "shape is no shape"),
        (array_pickle(pickled_tuple(2**40), b"", b"U\x02S0"), "dtype"),
        (array_pickle(pickled_tuple(2), dtype=b"U\x05(9)f4"), "dtype"),
        (array_pickle(pickled_tuple(1), dtype=b"U\x02O8"), "disagree"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"few.", "not put together as it should be"),
        (b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N", "not put together as it should be"),
        (b"\x80\x04Nr\xff\xff\xff\x7f" + b"j\xfe\xff\xff\x7f.", "Memo"),
        (b"\x80\x04\x8b" + struct.pack("<I", 2**31 - 1) + b"1.", "LONG4"),
        (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".", "BYTEARRAY8"),
        (b"\x80\x04" + b"]" * 10_000 + b"a" * 9_999, "not put together as it should be"),
    ],
)
@pytest.mark.slow
def test_what_a_file_claims_is_not_allocated(tmp_path, pickled, message):
    path = write_pickle(tmp_path / "x.npz", pickled)
    tracemalloc.start()
    with pytest.raises(InputError, match=message) as raised:
        read_pickled_npz(path, ["data"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(path) in str(raised.value) and peak < 100e6


def test_a_plain_array_that_claims_too_much(tmp_path):
    header = npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}\n")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("data.npy", header + b"few")
    with pytest.raises(InputError, match="x.npz .*claims shape"):
        read_pickled_npz(tmp_path / "x.npz", ["data"])


@pytest.mark.parametrize("name", ["../data.npy", "/data.npy", "a/data.npy", "a\\data.npy", "data.exe", ".npy", "..npy"])
def test_odd_members_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr(name, HEADER + b"N.")
    with pytest.raises(InputError, match="x.npz .*member .*in a way that NumPy does not"):
        read_pickled_npz(tmp_path / "x.npz", ["data"])


def test_a_member_twice_or_packed_in_another_way(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("data.npy", HEADER + b"N.")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("data.npy", HEADER + b"N.")
    write_pickle(tmp_path / "y.npz", b"N.", zipfile.ZIP_LZMA)
    for name in ("x.npz", "y.npz"):
        with pytest.raises(InputError, match=f"{name} .*in a way that NumPy does not"):
            read_pickled_npz(tmp_path / name, ["data"])


def test_bombs_are_refused_by_what_they_declare(tmp_path, monkeypatch):
    path = write_pickle(tmp_path / "x.npz", pickle.dumps(np.arange(1000.0), 4))
    content = bytearray(path.read_bytes())
    size = content.index(b"PK\x01\x02") + 24  # the unpacked size in the central directory
    content[size : size + 4] = struct.pack("<I", 2**32 - 2)
    (tmp_path / "y.npz").write_bytes(content)
    with pytest.raises(InputError, match="y.npz .*claims to unpack to 4 GiB"):
        read_pickled_npz(tmp_path / "y.npz", ["data"])
    monkeypatch.setattr(pickled_npz, "MAX_BYTES", 8000)
    with pytest.raises(InputError, match="x.npz .*claims to unpack"):
        read_pickled_npz(path, ["data"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_is_an_error_and_never_another_value(tmp_path, save):
    whole, damaged = tmp_path / "whole.npz", tmp_path / "damaged.npz"
    save(whole, data={"S1": {"Walking 1": np.random.default_rng(0).normal(size=(20, 17, 3))}})
    content = whole.read_bytes()
    wanted = read_pickled_npz(whole, ["data"])
    rng = np.random.default_rng(1)
    for length in rng.integers(0, len(content), 40):
        damaged.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"damaged\.npz is no whole npz archive"):
            read_pickled_npz(damaged, ["data"])
    for position, bit in zip(rng.integers(0, len(content), 300), rng.integers(0, 8, 300), strict=True):
        flipped = bytearray(content)
        flipped[position] ^= 1 << int(bit)
        damaged.write_bytes(flipped)
        try:
            read = read_pickled_npz(damaged, ["data"])
        except InputError as error:
            assert str(damaged) in str(error) and "\n" not in str(error)
        else:
            assert not read or np.array_equal(read["data"]["S1"]["Walking 1"], wanted["data"]["S1"]["Walking 1"])


def test_bytes_after_the_end_are_refused(tmp_path):
    with pytest.raises(InputError, match="goes on after its end"):
        read_pickled_npz(write_pickle(tmp_path / "x.npz", b"\x80\x02N.rest"), ["data"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "is missing"),
        (lambda path: path.mkdir(), r"cannot be read \(Is a directory\)"),
        (lambda path: path.symlink_to(path), r"cannot be read \(Too many levels"),
        (lambda path: path.write_bytes(b"text"), "is no whole npz archive"),
    ],
)
def test_what_is_no_archive(tmp_path, make, message):
    make(tmp_path / "x.npz")
    with pytest.raises(InputError, match=rf"x\.npz {message}") as raised:
        read_pickled_npz(tmp_path / "x.npz", ["data"])
    assert ("fetch it again" in str(raised.value)) == ("no whole" in message)


def test_a_header_that_claims_too_much(tmp_path):
    """A header of version 2 may have 4 GiB, which NumPy reads before it finds them too many."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", np.lib.format.magic(2, 0) + struct.pack("<I", 10**8) + b" " * 10**8)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"x\.npz .*another header"):
        read_pickled_npz(tmp_path / "x.npz", ["data"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


def test_a_small_archive_may_unpack_to_128_mib_only(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("data.npy", bytes(2**27 + 1))
    with pytest.raises(InputError, match=r"x\.npz .*claims to unpack to 0\.125 GiB"):
        read_pickled_npz(tmp_path / "x.npz", ["data"])


def test_shapes_are_read_without_the_content(tmp_path):
    with zipfile.ZipFile(tmp_path / "k.npz", "w") as archive:
        archive.writestr("a.npy", npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 17)}\n"))
        archive.writestr("b.npy", HEADER + b"no pickle")
        archive.writestr("c.npy", b"no header")
    assert read_shapes(tmp_path / "k.npz") == {"a": (3, 17), "b": ()}
