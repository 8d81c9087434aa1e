"""Reading npz archives of pickled dicts and arrays without letting the file run code.

numpy.load with pickles allowed would call whatever function the file names. Here a pickle is read by a machine that
knows only the instructions which data needs, and for every function that NumPy's pickles name it calls one of this
module, which makes an array, a scalar or bytes and refuses all else. The usual way, an allow-list in ``find_class`` of
pickle.Unpickler, is shorter and not enough, because that one allocates what a file claims before it reads it, and lets
a file change the functions that it may call.

Read are pickles of protocols 2 to 4, which is what numpy.save has written since Python 2. Strings of Python 2 are taken
as latin-1, since arrays' bytes are among them.
"""

import errno
import math
import os
import pickle
import pickletools
import re
import zipfile
from collections.abc import Callable, Collection
from contextlib import suppress
from types import FunctionType
from typing import IO, Any, ClassVar, TypeGuard

import numpy as np

from pose3d.runtime.errors import InputError, in_words

MAX_BYTES = 16 * 2**30
"""Of an archive, unpacked: ten times Human3.6M's poses of 32 joints in double precision."""
MAX_EXPANSION = 20
"""Unpacked size over packed size, from 128 MiB up. Coordinates pack 1.1 to 10 times; deflate can reach 1032."""
MAX_INSTRUCTIONS = 1_000_000
"""Of one pickle. Each may make an object of some 100 bytes; an array takes 26, and Human3.6M has 840 arrays."""
MAX_HEADER_CHARACTERS = 10_000

_MEMBER = re.compile(r"(\w[\w .-]*)\.npy")
_DTYPE = re.compile(r"b1|[iu][1248]|f(2|4|8|16)|c(8|16|32)|O[48]|[SU][1-9]\d{0,5}")
_ADMITTED = """
    PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT BINSTRING SHORT_BINSTRING BINBYTES
    SHORT_BINBYTES BINBYTES8 BINUNICODE SHORT_BINUNICODE BINUNICODE8 EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST
    APPEND APPENDS EMPTY_DICT SETITEM SETITEMS BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL STACK_GLOBAL
"""


def read_pickled_npz(path: str | os.PathLike, keys: Collection[str]) -> dict[str, Any]:
    """The members of an archive that have one of ``keys``; keys that it lacks are left out.

    Arrays that hold one pickled object, as dicts are saved, come as that object. Arrays may be read-only.

    Raises:
        InputError: missing, damaged, absurdly large, or a pickle that holds more than dicts, lists, tuples, numbers,
            strings and arrays; names the file and what is wrong.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = _members(archive, os.path.getsize(path))
            return {key: read_member(archive, members[key]) for key in keys if key in members}
    except FileNotFoundError:
        raise InputError(f"{path} is missing: put it there, or correct its name in block dataset") from None
    except _RefusedError as error:
        raise InputError(
            f"{path} {error.args[0]}: data needs nothing of the kind and it might run code, so the file is not read; "
            "fetch it again from its authors, or save it anew from plain arrays"
        ) from None
    except Exception as error:  # whatever damage makes zlib, zipfile, pickle or NumPy raise
        if is_refused_by_system(error):
            raise InputError(
                f"{path} cannot be read ({error.strerror}): it has to be a file that you may read"
            ) from None
        reason = reason_of(error)
        raise InputError(f"{path} is no whole npz archive of dicts and arrays ({reason}): fetch it again") from error


def read_shapes(path: str | os.PathLike) -> dict[str, tuple[int, ...]]:
    """The shapes of an archive's arrays, by their headers alone; of members that have another header there is none."""
    shapes = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with suppress(Exception), archive.open(member) as file:  # whatever damage makes zlib or NumPy raise
                if np.lib.format.read_magic(file) == (1, 0):
                    header = np.lib.format.read_array_header_1_0(file, max_header_size=MAX_HEADER_CHARACTERS)
                    shapes[member.filename.removesuffix(".npy")] = header[0]
    return shapes


def is_refused_by_system(error: Exception) -> TypeGuard[OSError]:
    """True if the system refuses to read the file, so that nothing is known of its content."""
    # A damaged archive that points to before the file's start gives EINVAL.
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def reason_of(error: Exception) -> str:
    """One short line that says what went wrong."""
    return in_words(error)[:200]


class _RefusedError(Exception):
    """A pickle asks for something forbidden. The message ends a sentence that begins with the file's name."""


def _members(archive: zipfile.ZipFile, packed_bytes: int) -> dict[str, zipfile.ZipInfo]:
    members = {}
    for member in archive.infolist():
        name = _MEMBER.fullmatch(member.filename)
        if not name or name[1] in members:
            raise ValueError(f"its member {member.filename!r} is named in a way that NumPy does not")
        members[name[1]] = member
    # A member is never read past the size that it declares.
    unpacked_bytes = sum(member.file_size for member in members.values())
    if unpacked_bytes > min(MAX_BYTES, max(2**27, MAX_EXPANSION * packed_bytes)):
        raise ValueError(f"it claims to unpack to {unpacked_bytes / 2**30:.4g} GiB")
    return members


def read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, check: Callable[[tuple[int, ...], np.dtype], None] | None = None
) -> Any:
    """The array or the pickled object of one member.

    Args:
        archive: the open npz.
        member: one of the archive's.
        check: sees the shape and dtype that the member claims before its content is read, and may raise.

    Raises:
        Exception: of whatever kind, because the member is damaged or holds something else.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"its member {member.filename!r} is packed in a way that NumPy does not")
    with archive.open(member) as file:
        return read_npy(file, member.filename, member.file_size, check)


def read_npy(
    file: IO[bytes], name: str, n_file_bytes: int, check: Callable[[tuple[int, ...], np.dtype], None] | None = None
) -> Any:
    """The array or the pickled object that numpy.save wrote, of an open file of ``n_file_bytes``.

    Args:
        file: open at its start.
        name: what errors call it.
        n_file_bytes: its size.
        check: as :func:`read_member` has it.

    Raises:
        Exception: of whatever kind, because the file is damaged or holds something else.
    """
    # The later versions are for longer headers than are read, and may claim gigabytes of them.
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{name} has another header than NumPy gives to plain arrays and objects")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=MAX_HEADER_CHARACTERS)
    if check:
        check(shape, dtype)
    if dtype.kind == "O":
        value = _Unpickler(file, n_file_bytes).load()
    else:
        n_bytes = dtype.itemsize * math.prod(shape)
        if dtype.hasobject or not 0 <= n_bytes <= n_file_bytes:
            raise ValueError(f"{name} claims shape {shape} of {dtype}")
        value = np.frombuffer(file.read(n_bytes), dtype).reshape(shape, order="F" if is_fortran else "C")
    if file.read(1):  # and with the end of an archive's member its checksum is compared
        raise ValueError(f"{name} goes on after its end")
    return value.item() if isinstance(value, np.ndarray) and value.dtype == object and not value.ndim else value


class _Dtype:
    """A NumPy dtype while it is read: byte order comes after the object, which others may refer to by then."""

    def __init__(self, name: str, *_: Any) -> None:
        if type(name) is not str or not _DTYPE.fullmatch(name):
            raise _RefusedError("asks for a NumPy dtype that is no number, string or object")
        self.dtype = np.dtype(object if name[0] == "O" else name)

    def set_state(self, state: Any) -> None:
        if type(state) is not tuple or len(state) != 8 or state[0] != 3 or state[2:5] != (None, None, None):
            raise _RefusedError("asks for a NumPy dtype with fields or parameters")
        self.dtype = self.dtype.newbyteorder(state[1])


def _ndarray() -> None:
    """Takes the place of numpy.ndarray, which files name as an argument of :func:`_new_array` and must not call."""
    raise _RefusedError("calls numpy.ndarray")


def _new_array(kind: Any, *_: Any) -> np.ndarray:
    if kind is not _ndarray:
        raise _RefusedError("asks for an array of another kind than numpy.ndarray")
    return np.empty(0, np.int8)


def _fill_array(array: np.ndarray, state: Any) -> None:
    """Give a new array its shape, dtype and content, which have to agree before NumPy sees them."""
    _, shape, dtype, is_fortran, content = state
    if array.dtype != np.int8 or array.shape != (0,) or type(dtype) is not _Dtype or type(shape) is not tuple:
        raise _RefusedError("fills an array in another way than NumPy does")
    # The bound is for sizes beside a 0, which the comparison with the content below cannot catch.
    if any(type(size) is not int or size < 0 for size in shape) or math.prod(size or 1 for size in shape) > MAX_BYTES:
        raise ValueError("an array's shape is no shape")
    content = content.encode("latin1") if type(content) is str else content
    wanted, item = (list, 1) if dtype.dtype == object else (bytes, dtype.dtype.itemsize)
    if type(content) is not wanted or len(content) != item * math.prod(shape):
        raise ValueError("an array's shape and content disagree")
    array.__setstate__((1, shape, dtype.dtype, bool(is_fortran), content))  # type: ignore[arg-type]  # says NumPy's bool


def _new_scalar(dtype: Any, content: Any) -> Any:
    content = content.encode("latin1") if type(content) is str else content
    if type(dtype) is not _Dtype or dtype.dtype == object or type(content) is not bytes:
        raise _RefusedError("asks for another scalar than a number or a string")
    (scalar,) = np.frombuffer(content, dtype.dtype)
    return scalar


def _new_dtype(*arguments: Any) -> _Dtype:
    return _Dtype(*arguments)


def _new_bytes(text: str = "", encoding: str = "latin1") -> bytes:
    """Bytes as Python 3 writes them in protocol 2."""
    if type(text) is not str or encoding != "latin1":
        raise _RefusedError("encodes something else than bytes")
    return text.encode("latin1")


def _check_items(target: Any, keys: list[Any]) -> None:
    """Dicts with names and numbers only: to hash tuples in tuples without end would crash Python.

    An array would take items too, and nested lists, a few of which can hold any number of items.
    """
    if type(target) is not dict:
        raise _RefusedError(f"sets items of a {type(target).__name__}")
    if not all(isinstance(key, str | int | np.generic) for key in keys):
        raise _RefusedError("has keys that are neither names nor numbers")


class _Instructions(dict):
    """The function for each instruction; it can be looked up MAX_INSTRUCTIONS times."""

    n_left = MAX_INSTRUCTIONS

    def __getitem__(self, code: int) -> Callable:
        self.n_left -= 1
        if self.n_left < 0:
            raise ValueError(f"a pickle of more than {MAX_INSTRUCTIONS} instructions")
        return super().__getitem__(code)

    def __missing__(self, code: int) -> Callable:
        known = pickletools.code2op.get(chr(code))  # type: ignore[attr-defined]  # not in Python's stubs
        raise _RefusedError(f"uses the pickle instruction {known.name if known else code}")


class _Unpickler(pickle._Unpickler):
    """Python's unpickler in Python, cut down to the instructions of data; every function that it calls is ours."""

    # Python's own, which its stubs do not list.
    stack: list[Any]
    metastack: list[list[Any]]

    globals: ClassVar[dict[tuple[str, str], Callable[..., Any]]] = {
        ("numpy", "ndarray"): _ndarray,
        ("numpy", "dtype"): _new_dtype,
        ("numpy.core.multiarray", "_reconstruct"): _new_array,
        ("numpy._core.multiarray", "_reconstruct"): _new_array,
        ("numpy.core.multiarray", "scalar"): _new_scalar,
        ("numpy._core.multiarray", "scalar"): _new_scalar,
        ("_codecs", "encode"): _new_bytes,
        ("__builtin__", "bytes"): _new_bytes,
        ("builtins", "bytes"): _new_bytes,
    }

    def __init__(self, file: IO[bytes], n_bytes: int) -> None:
        super().__init__(file, encoding="latin1")
        self.dispatch = _Instructions(self.dispatch)  # type: ignore[misc]  # only a class's, say Python's stubs
        # Python 2's text, and Python 3's in protocol 2, is made twice, as bytes and as an array. An array of objects
        # has 8 bytes for each, which took an instruction.
        self._n_bytes_left = 2 * n_bytes + 8 * MAX_INSTRUCTIONS

    def _count(self, n_bytes: int) -> None:
        """Refuse to make one text into bytes or arrays again and again, because the memo repeats it in two bytes."""
        self._n_bytes_left -= n_bytes
        if self._n_bytes_left < 0:
            raise ValueError("its arrays and bytes are larger than what they are made of")

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Looks the name up among the nine, without importing or following dots."""
        if (module, name) not in self.globals:
            raise _RefusedError(f"asks for {f'{module}.{name}'[:80]!r}")
        return self.globals[module, name]

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not isinstance(function, FunctionType) or type(arguments) is not tuple:
            raise _RefusedError("calls what is no function")
        made = function(*arguments)
        self._count(len(made) if isinstance(made, bytes) else getattr(made, "nbytes", 0))
        self.stack[-1] = made

    def load_setitem(self) -> None:
        _check_items(self.stack[-3], self.stack[-2:-1])
        super().load_setitem()  # type: ignore[misc]  # not in Python's stubs

    def load_setitems(self) -> None:
        _check_items(self.metastack[-1][-1], self.stack[::2])  # all since the last mark
        super().load_setitems()  # type: ignore[misc]  # not in Python's stubs

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) is _Dtype:
            target.set_state(state)
        elif type(target) is np.ndarray:
            _fill_array(target, state)
            self._count(target.nbytes)
        else:
            raise _RefusedError(f"changes the state of a {type(target).__name__}")

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]] for name in _ADMITTED.split()
    }
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.BUILD[0]] = load_build
