"""The reader of pickled object arrays: it gives back what NumPy wrote, and refuses everything else."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib import format as npy
from numpy.typing import NDArray

from allograph.corpora.npz.object_arrays import ObjectArchive
from allograph.errors import FormatError, InputError


def objects(items: list[Any]) -> NDArray[Any]:
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.unicode_string_dtypes(endianness="?", min_len=1, max_len=4),
    hnp.byte_string_dtypes(min_len=1, max_len=4),
)
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
values = st.recursive(
    plain | arrays | dtypes | arrays.filter(lambda array: array.size > 0).map(lambda array: array.flat[0]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.lists(inner, max_size=4).map(objects)
    ),
    max_leaves=12,
)


def member(program: bytes, shape: tuple[int, ...] = (1,), descr: str = "|O") -> bytes:
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + program


def archive(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("strokes.npy", content)
    return path


def read(path: Path) -> NDArray[Any]:
    with ObjectArchive(path) as file:
        return file.read("strokes")


def refused(path: Path, program: bytes, why: str, shape: tuple[int, ...] = (1,)) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        read(archive(path / "hostile.npz", member(program, shape)))
    assert "hostile.npz" in str(caught.value)
    assert "strokes" in str(caught.value)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and all(same(a, b) for a, b in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(a, b) for a, b in zip(one.values(), other.values(), strict=True))
    return bool(one == other) or (one != one and other != other)


@settings(max_examples=150, deadline=None)
@given(st.lists(values, max_size=4), st.integers(0, 5))
def test_every_nested_value_comes_back_from_every_protocol(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any], protocol: int
) -> None:
    array = objects(items)
    path = tmp_path_factory.getbasetemp() / "round.npz"
    assert same(read(archive(path, member(pickle.dumps(array, protocol), array.shape))), array)


@settings(max_examples=50, deadline=None)
@given(arrays | st.lists(values, max_size=4).map(objects))
def test_what_numpy_saves_is_read(tmp_path_factory: pytest.TempPathFactory, array: NDArray[Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "saved.npz"
    np.savez_compressed(path, strokes=array)
    assert same(read(path), array)


def test_a_shared_array_is_shared_again(tmp_path: Path) -> None:
    one = np.arange(6).reshape(2, 3)
    np.savez(tmp_path / "shared.npz", strokes=objects([one, one, one.T.copy(order="F")]))
    first, second, turned = read(tmp_path / "shared.npz")
    assert first is second
    assert (turned == one.T).all()


class Bomb:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "system"),
        (eval, "eval"),
        (exec, "exec"),
        (getattr, "getattr"),
        (__import__, "__import__"),
        (open, "open"),
        (np.load, "load"),
        (np.fromfile, "fromfile"),
        (np.memmap, "memmap"),
        (io.BytesIO, "BytesIO"),
        (set, "set"),
        (complex, "complex"),
        (bytearray, "bytearray"),
        (pickle.loads, "loads"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_foreign_function_is_refused_by_name_and_not_called(tmp_path: Path, function: Any, name: str, protocol: int) -> None:
    marker = tmp_path / "called"
    program = pickle.dumps(objects([Bomb(function, f"touch {marker}")]), protocol)
    refused(tmp_path, program, rf"it names [\w.]*{name}")
    assert not marker.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"numpy.f2py.capi_maps\ngetinit",
        b"numpy.f2py.crackfortran\nmyeval",
        b"numpy.testing._private.utils\nrunstring",
        b"numpy\nmatrix",
        b"numpy.core.multiarray\n_reconstruct.__globals__",
        b"numpy\ndtype.__subclasses__",
        b"allograph.corpora.npz.object_arrays\n_run",
        b"numpy\nndarray\x00",
        b"\n",
    ],
)
def test_other_names_are_refused(tmp_path: Path, name: bytes) -> None:
    refused(tmp_path, b"c" + name + b"\n.", "it names")


def test_a_stack_global_hides_nothing(tmp_path: Path) -> None:
    refused(tmp_path, b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.", r"posix\.system")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (b"(ios\nsystem\n.", "INST"),
        (b"(cnumpy\ndtype\no.", "OBJ"),
        (b"cnumpy\ndtype\n)\x81.", "NEWOBJ"),
        (b"\x80\x04cnumpy\ndtype\n)}\x92.", "NEWOBJ_EX"),
        (b"\x82\x01.", "EXT1"),
        (b"P1\n.", "PERSID"),
        (b"K\x01Q.", "BINPERSID"),
        (b"\x80\x04\x8f.", "EMPTY_SET"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
        (b"K\x01)R.", "no constructor"),
        (b"cnumpy\ndtype\n}b.", "gives a state"),
        (b"cnumpy\nndarray\n.", "constructor"),
        (b"]}b.", "gives a state to a list"),
        (b"K\x01K\x02a.", "adds items to a int"),
        (b"]K\x02K\x03s.", "adds items to a list"),
        (b"cnumpy\ndtype\nX\x02\x00\x00\x00V8\x85R.", "dtype 'V8'"),
        (b"cnumpy\ndtype\nX\x05\x00\x00\x00i4,O8\x85R.", "dtype 'i4,O8'"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(K\x01K\x02K\x03tR.", "another class"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n)NtR.", "without content"),
        (b"cnumpy.core.multiarray\n_reconstruct\n)R.", "missing"),
        (b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.", "another encoding"),
        (b"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a.", "bytearray"),
        (b"r\xff\xff\xff\x7f.", "list index out of range"),
        (b"Nr\xff\xff\xff\x7f.", "object array"),
        (b"h\x05.", "has not made"),
        (b".", "ends|end"),
        (b"", "exhausted"),
        (b"N", "exhausted"),
        (b"NN.", "should end"),
        (b"N.N", "should end"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.", "expected|bytes"),
        (b"B\xff\xff\xff\x7fabc.", "expected|bytes"),
        (b"L" + b"9" * 10_000 + b"L\n.", "digits"),
        (b"]" * 2000 + b"a" * 1999 + b".", "32 deep"),
        (b"N" + b"\x85" * 100_000 + b".", "32 deep"),
        (b"]q\x00h\x00a.", "holds itself"),
    ],
)
def test_hostile_programs_are_refused(tmp_path: Path, program: bytes, why: str) -> None:
    refused(tmp_path, program, why)


def test_an_extension_code_of_another_library_is_refused(tmp_path: Path) -> None:
    copyreg.add_extension("os", "getcwd", 0x77)
    try:
        pickle.loads(b"\x82\x77.")  # now it is in the standard unpickler's cache
        refused(tmp_path, b"\x82\x77)R.", "EXT1")
    finally:
        copyreg.remove_extension("os", "getcwd", 0x77)


def array_program(shape: bytes, dtype: bytes, data: bytes) -> bytes:
    dtype = b"cnumpy\ndtype\nX" + len(dtype).to_bytes(4, "little") + dtype + b"\x85R"
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n)NtR"
    return made + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb."


HUGE = b"\x8a\x08" + (1 << 60).to_bytes(8, "little") + b"\x85"


@pytest.mark.parametrize(
    ("shape", "dtype", "data"),
    [
        (HUGE, b"f8", b"C\x01a"),
        (HUGE, b"f8", b"C\x00"),
        (HUGE, b"S0", b"C\x00"),
        (HUGE, b"O", b"]"),
        (b"J\xff\xff\xff\xff\x85", b"f8", b"C\x00"),
        (b"\x88\x85", b"i1", b"C\x01a"),
        (b"K\x02", b"i1", b"C\x02aa"),
        (b"K\x02\x85", b"i1", b"K\x02"),
        (b"K\x02\x85", b"S999999999", b"C\x02aa"),
        (b"K\x00" + HUGE[:-1] + b"\x86", b"f8", b"C\x00"),
    ],
)
def test_a_claimed_size_is_not_believed(tmp_path: Path, shape: bytes, dtype: bytes, data: bytes) -> None:
    refused(tmp_path, array_program(shape, dtype, data), "cannot be read", (1 << 60,))


def test_the_program_of_an_array_is_one(tmp_path: Path) -> None:
    inner = array_program(b"K\x02\x85", b"i1", b"C\x02ab")[:-1]
    array = read(archive(tmp_path / "good.npz", member(array_program(b"K\x01\x85", b"O", b"]" + inner + b"a"))))
    assert array[0].tolist() == [97, 98]


def test_python_2_wrote_bytes_as_text(tmp_path: Path) -> None:
    raw = np.array([1.5, -2.0], np.float32).tobytes()
    inner = array_program(b"K\x02\x85", b"f4", b"U" + bytes([len(raw)]) + raw)[:-1]
    array = read(archive(tmp_path / "old.npz", member(array_program(b"K\x01\x85", b"O", b"]" + inner + b"a"))))
    assert array[0].dtype == np.float32
    assert array[0].tolist() == [1.5, -2.0]


def test_a_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="promises 8000000000000 bytes, and 16 follow"):
        read(archive(tmp_path / "plain.npz", member(b"x" * 16, (10**12,), "<f8")))
    with pytest.raises(FormatError, match="promises an object array"):
        read(archive(tmp_path / "pickled.npz", member(pickle.dumps(objects([1])), (2,))))


def test_lists_that_share_lists_take_no_more_than_they_are(tmp_path: Path) -> None:
    doubled = b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(28))
    program = array_program(b"K\x1d\x85", b"O", b"](]q\x00" + doubled + b"e")
    inner = read(archive(tmp_path / "laughs.npz", member(program, (29,))))[-1]
    depth = 0
    while inner:
        assert inner[0] is inner[1]
        depth, inner = depth + 1, inner[0]
    assert depth == 28


def test_texts_that_arrays_share_become_bytes_once(tmp_path: Path) -> None:
    raw = b"U\xc8" + b"a" * 200
    shells = b"".join(
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n)NtR(K\x01K\xc8\x85h\x01\x89h\x00tb" for _ in range(50)
    )
    program = b"](" + raw + b"q\x00cnumpy\ndtype\nX\x02\x00\x00\x00i1\x85Rq\x01" + shells + b"e"
    items = read(archive(tmp_path / "texts.npz", member(array_program(b"K\x01\x85", b"O", b"]" + program + b"a"))))[0]
    assert len({item.ctypes.data for item in items[2:]}) == 1


@pytest.fixture
def saved(tmp_path: Path) -> bytes:
    path = tmp_path / "whole.npz"
    np.savez(path, strokes=objects([np.arange(4.0), "text", {"a": [1, 2.5, None]}]))
    with zipfile.ZipFile(path) as file:
        return file.read("strokes.npy")


def test_every_truncation_is_refused(tmp_path: Path, saved: bytes) -> None:
    for length in range(len(saved)):
        with pytest.raises(FormatError, match=r"cut\.npz: the array strokes"):
            read(archive(tmp_path / "cut.npz", saved[:length]))
    assert read(archive(tmp_path / "cut.npz", saved))[1] == "text"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_raises_a_format_error_or_gives_an_array(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    program = bytearray(pickle.dumps(objects([np.arange(4.0), "text", (1, b"ab")]), data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 3))):
        program[data.draw(st.integers(0, len(program) - 1))] = data.draw(st.integers(0, 255))
    try:
        array = read(archive(tmp_path_factory.getbasetemp() / "damaged.npz", member(bytes(program), (3,))))
    except FormatError:
        return
    assert array.dtype == object


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, strokes=objects([np.arange(1000.0)]), plain=np.arange(3))
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(FormatError, match=r"a\.npz is not a readable npz archive"):
        ObjectArchive(path)
    middle = whole.index(b"strokes.npy") + 200
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    with pytest.raises(FormatError, match="the array strokes cannot be read"):
        read(path)
    with ObjectArchive(path) as file:
        assert file.names == ("strokes", "plain")
        assert file.read("plain").tolist() == [0, 1, 2]
        with pytest.raises(FormatError, match="holds no array eoc_labels; it holds strokes, plain"):
            file.read("eoc_labels")


def test_no_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        ObjectArchive(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not a zip")
    with pytest.raises(FormatError, match="not a readable npz"):
        ObjectArchive(tmp_path / "text.npz")


def test_fields_of_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "fields.npz", strokes=np.array([(1, "a")], dtype=[("n", "i4"), ("o", "O")]))
    with pytest.raises(FormatError, match="fields of objects"):
        read(tmp_path / "fields.npz")
