"""npz archives whose arrays hold objects: arrays, dtypes and plain values are rebuilt, by constructors of our own.

NumPy stores an object array as a pickle, and a pickle is a program for a stack machine that may call any function of
any module. The standard unpickler never sees it: `pickletools` takes the program apart, and the machine below runs the
few instructions that lists, texts, numbers and arrays need. It knows seven names, none of them NumPy's own function, and
refuses any other name or instruction by its name. What a program builds are records; only when it has ended are they
checked and made into arrays, so that no claim of a size is believed before the bytes are there.
"""

from __future__ import annotations

import io
import math
import pickletools
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from allograph.corpora.nist.zip_directory import check_entries
from allograph.errors import FormatError, InputError

MOST_ARRAYS = 10_000
"""Entries in the largest archive that is opened."""
LARGEST_ARRAY = 1 << 33
"""Bytes of the largest array that is read: ten million samples."""
PIECE = 1 << 20
"""Bytes that are unpacked at once."""
DEEPEST = 32
"""Containers within containers that are followed."""
LARGEST_SCALAR = 4096
"""Bytes of the largest NumPy scalar, a text; many may share the bytes they are made from."""


class ObjectArchive:
    """An npz archive, open; a context manager.

    Raises `InputError` when there is no such file, `FormatError` when it is no archive.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            check_entries(self.path, MOST_ARRAYS)
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise InputError(f"{path} does not exist") from None
        except (FormatError, OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise FormatError(f"{path} is not a readable npz archive: it is truncated or foreign ({error})") from error
        self.names = tuple(name.removesuffix(".npy") for name in self._zip.namelist() if name.endswith(".npy"))

    def __enter__(self) -> ObjectArchive:
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def read(self, name: str) -> NDArray[Any]:
        """One array, perhaps read-only; raises `FormatError`, naming file and array, when it is absent, damaged or hostile.

        The elements of an object array are None, bool, int, float, str, bytes, NumPy scalars, arrays and dtypes, and
        lists, tuples and dicts of these.
        """
        if name not in self:
            raise FormatError(f"{self.path} holds no array {name}; it holds {', '.join(self.names) or 'none'}")
        try:
            member = self._zip.getinfo(f"{name}.npy")
            with self._zip.open(member) as stream:
                if member.file_size > LARGEST_ARRAY:
                    raise ValueError(f"it has {member.file_size:,} bytes, and at most {LARGEST_ARRAY:,} are read")
                return _read(stream, member.file_size)
        except Exception as error:  # damaged bytes make zlib, zipfile, pickletools and NumPy raise almost anything
            raise FormatError(
                f"{self.path}: the array {name} cannot be read ({str(error) or type(error).__name__}); "
                "the file is truncated, damaged or foreign: get it anew from where it came from"
            ) from error


def _read(stream: IO[bytes], size: int) -> NDArray[Any]:
    """The array in a member of `size` bytes."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is of npy version {version}, and 1.0 and 2.0 are read")
    shape, fortran, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(stream)
    if dtype == np.dtype(object):
        array = _plain(_run(stream.read()), {})
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
            raise ValueError(f"its header promises an object array {list(shape)}, and it holds something else")
        return array
    if dtype.hasobject:
        raise ValueError("it has fields of objects")
    promised, left = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if promised != left:
        raise ValueError(f"its header promises {promised} bytes, and {left} follow")
    return _require(_unpacked(stream, promised), shape, dtype, fortran)


def _unpacked(stream: IO[bytes], size: int) -> bytearray:
    """The next `size` bytes, or as many as there are, with no second copy of them all."""
    data, at = bytearray(size), 0
    view = memoryview(data)
    while piece := stream.read(min(PIECE, size - at)):
        view[at : at + len(piece)] = piece
        at += len(piece)
    return data if at == size else data[:at]


class _Name(NamedTuple):
    """A name that a program may use, and what calling it makes."""

    make: Callable[..., object]


class _Dtype:
    """The record of a dtype."""

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"b1|[iu][1248]|f[248]|O8?|[SU]\d{1,9}", code):
            raise ValueError(f"it holds the dtype {code!r}, and numbers, texts and objects are read")
        self.code, self.byte_order = code.replace("O8", "O"), "="

    def build(self, state: object) -> None:
        """`state`: version, byte order, subarray, names, fields, item size, alignment, flags."""
        if not isinstance(state, tuple) or len(state) != 8 or state[1] not in ("<", ">", "|", "=") or any(state[2:5]):
            raise ValueError("it holds a dtype with fields")
        self.byte_order = state[1]

    def value(self) -> np.dtype[Any]:
        return np.dtype(self.byte_order + self.code)


class _Array:
    """The record of an array."""

    def __init__(self, *state: object) -> None:
        self.state = state

    def build(self, state: object) -> None:
        """`state`: perhaps a version; shape, dtype, whether in Fortran order, bytes or a list of objects."""
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise ValueError("it holds an array of an unknown version")
        self.state = state[-4:]

    def value(self, memo: dict[int, Any], depth: int) -> NDArray[Any]:
        if len(self.state) != 4:
            raise ValueError("it holds an array without content")
        shape, dtype, fortran, data = self.state
        if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"it holds an array of the shape {shape!r}")
        if not isinstance(dtype, _Dtype):
            raise ValueError("it holds an array without a dtype")
        if dtype.code != "O":
            return _require(_as_bytes(data, memo), shape, dtype.value(), bool(fortran))
        if not isinstance(data, list) or len(data) != math.prod(shape):
            raise ValueError(f"it holds an object array {list(shape)} with another number of objects")
        flat = np.empty(len(data), dtype=object)
        for i, item in enumerate(data):
            flat[i] = _plain(item, memo, depth + 1)
        return flat.reshape(shape, order="F" if fortran else "C")


class _Scalar:
    """The record of a NumPy scalar."""

    def __init__(self, dtype: object, data: object) -> None:
        if not isinstance(dtype, _Dtype) or dtype.code == "O":
            raise ValueError("it holds a scalar of objects")
        self.dtype, self.data = dtype, data

    def value(self, memo: dict[int, Any]) -> Any:
        data = _as_bytes(self.data, memo)
        if len(data) > LARGEST_SCALAR:
            raise ValueError(f"it holds a scalar of {len(data)} bytes")
        return _require(data, (), self.dtype.value(), False)[()]


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    if kind is not _NDARRAY:
        raise ValueError("it holds an array of another class")
    return _Array()


def _from_buffer(data: object, dtype: object, shape: object, order: object) -> _Array:
    if order not in ("C", "F"):
        raise ValueError(f"it holds an array in the order {order!r}")
    return _Array(shape, dtype, order == "F", data)


def _encode(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("it asks for another encoding than latin1")
    return text.encode("latin1")


_NDARRAY = _Name(_Array)
_NAMES = {
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _Name(_Dtype),
    "numpy.core.multiarray _reconstruct": _Name(_reconstruct),
    "numpy.core.multiarray scalar": _Name(_Scalar),
    "numpy.core.numeric _frombuffer": _Name(_from_buffer),
    "_codecs encode": _Name(_encode),  # how protocol 2 writes bytes
    "builtins bytes": _Name(lambda: b""),  # and no bytes
}


def _run(program: bytes) -> Any:
    """Run a pickle to its end; return what it leaves on the stack."""
    stream = io.BytesIO(program)
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    argument: Any

    def since_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case "BINGET" | "LONG_BINGET" | "GET":
                if argument not in memo:
                    raise ValueError("it refers to something that it has not made")
                stack.append(memo[argument])
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT" | "PUT":
                memo[argument] = stack[-1]
            case "MARK":
                marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                start = len(stack) - int(name[-1]) if name[-1].isdigit() else len(stack)
                stack[start:] = [tuple(stack[start:])]
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                if not isinstance(function, _Name) or not isinstance(arguments, tuple):
                    raise ValueError("it calls something that is no constructor")
                stack.append(function.make(*arguments))
            case "BUILD":
                state = stack.pop()
                if not isinstance(stack[-1], _Array | _Dtype):
                    raise ValueError(f"it gives a state to a {type(stack[-1]).__name__}")
                stack[-1].build(state)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE" as name:
                stack.append(name == "NEWTRUE")
            case (
                ("INT" | "BININT" | "BININT1" | "BININT2" | "LONG" | "LONG1" | "LONG4" | "FLOAT" | "BINFLOAT")
                | ("BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8" | "BYTEARRAY8" | "STRING" | "BINSTRING")
                | ("SHORT_BINSTRING" | "UNICODE" | "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8")
            ):
                stack.append(argument)
            case "GLOBAL":
                stack.append(_named(argument))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(_named(f"{module} {attribute}"))
            case "EMPTY_LIST":
                stack.append([])
            case "LIST":
                stack.append(since_mark())
            case "APPEND" | "APPENDS" as name:
                items = since_mark() if name == "APPENDS" else [stack.pop()]
                _of(list, stack[-1]).extend(items)
            case "EMPTY_DICT":
                stack.append({})
            case "DICT":
                items = since_mark()
                stack.append(dict(zip(items[::2], items[1::2], strict=True)))
            case "SETITEM" | "SETITEMS" as name:
                items = since_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
                _of(dict, stack[-1]).update(zip(items[::2], items[1::2], strict=True))
            case "PROTO" | "FRAME" | "STOP":
                pass
            case name:
                raise ValueError(f"it uses the pickle instruction {name}, which arrays and plain values do not need")
    if stream.read(1) or len(stack) != 1:
        raise ValueError("it goes on where it should end")
    return stack[0]


def _named(text: str) -> _Name:
    """What a program may use by the name `text`, which is a module, a space, and an attribute."""
    try:
        return _NAMES[text.replace("numpy._core.", "numpy.core.").replace("__builtin__", "builtins")]
    except KeyError:
        refused = text.replace(" ", ".")
        raise ValueError(f"it names {refused}, and only arrays, dtypes and plain values are rebuilt") from None


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"it adds items to a {type(value).__name__}")
    return value


def _plain(value: Any, memo: dict[int, Any], depth: int = 0) -> Any:
    """`value` with its records made into arrays, each once, however often it is referred to."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if id(value) in memo:
        return memo[id(value)]
    if depth > DEEPEST:
        raise ValueError(f"it nests more than {DEEPEST} deep, or holds itself")
    made: Any
    match value:
        case _Array():
            made = value.value(memo, depth)
        case _Scalar():
            made = value.value(memo)
        case _Dtype():
            made = value.value()
        case list():
            made = [_plain(item, memo, depth + 1) for item in value]
        case _Name():
            raise ValueError("it holds a constructor, and only arrays, dtypes and plain values are rebuilt")
        case tuple():
            made = tuple(_plain(item, memo, depth + 1) for item in value)
        case dict():
            made = {_plain(key, memo, depth + 1): _plain(item, memo, depth + 1) for key, item in value.items()}
        case _:
            raise ValueError(f"it holds a {type(value).__name__}, and only arrays, dtypes and plain values are rebuilt")
    memo[id(value)] = made
    return made


def _as_bytes(data: object, memo: dict[int, Any]) -> bytes | bytearray:
    """The bytes of an array. Python 2 wrote them as text; those become bytes once, however many arrays share them."""
    if isinstance(data, str):
        if id(data) not in memo:
            memo[id(data)] = data.encode("latin1")
        data = memo[id(data)]
    if not isinstance(data, bytes | bytearray):
        raise ValueError(f"it holds an array whose content is a {type(data).__name__}")
    return data


def _require(data: bytes | bytearray, shape: tuple[int, ...], dtype: np.dtype[Any], fortran: bool) -> NDArray[Any]:
    """Bytes as an array, without a copy, if they are as many as shape and dtype need."""
    count = math.prod(shape)
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"an array {list(shape)} of {dtype} needs {count * dtype.itemsize} bytes and has {len(data)}")
    if dtype.itemsize == 0 and count > 1:
        raise ValueError(f"it holds an array {list(shape)} of texts without a character")
    array = np.frombuffer(data, dtype) if data else np.zeros(count, dtype)
    return array.reshape(shape, order="F" if fortran else "C")
