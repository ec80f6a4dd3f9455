from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.errors import FormatError, InputError
from allograph.split import SPLITS, assign, paper_split, read_split

counts = st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 500), min_size=1, max_size=60)
PAPER = {
    "nist": ({"train": 659_541, "validation": 73_209, "application": 81_505}, (3_057, 339, 200)),
    "deepwriting": ({"train": 298_313, "validation": 33_484, "application": 37_658}, (242, 27, 25)),
}


def test_the_rule_by_hand() -> None:
    # 78 samples, a tenth is 7.8: the writer of 12 is enough. The others rank 0 … 10 by their samples 1 … 11.
    samples = {f"w{count}": count for count in range(12, 0, -1)}
    split = paper_split(samples)
    assert {writer for writer in samples if split[writer] == "application"} == {"w12"}
    assert {writer for writer in samples if split[writer] == "validation"} == {"w10"}
    assert {w for w, part in paper_split(samples, "deepwriting").items() if part == "validation"} == {"w6"}


def test_a_tenth_to_the_sample_is_enough_and_a_sample_less_is_not() -> None:
    assert Counter(paper_split({f"w{i}": 1 for i in range(10)}).values())["application"] == 1
    assert Counter(paper_split({f"w{i}": 1 for i in range(11)}).values())["application"] == 2


def test_equal_writers_are_ranked_by_id() -> None:
    split = paper_split({"b": 5, "a": 5, "d": 5, "c": 5})
    assert [writer for writer in "abcd" if split[writer] == "application"] == ["d"]


def test_a_single_writer_is_an_application_writer() -> None:
    assert paper_split({"ana": 1}) == {"ana": "application"}


@given(counts, st.sampled_from(["", "deepwriting"]), st.randoms())
def test_laws_of_the_rule(samples: dict[str, int], source: str, random) -> None:  # type: ignore[no-untyped-def]
    split = paper_split(samples, source)
    assert set(split) == set(samples)
    assert set(split.values()) <= set(SPLITS)
    held = [samples[writer] for writer in samples if split[writer] == "application"]
    others = [samples[writer] for writer in samples if split[writer] != "application"]
    total = sum(samples.values())
    assert 10 * sum(held) >= total > 10 * (sum(held) - min(held))
    assert max(others, default=0) <= min(held)
    assert Counter(split.values())["validation"] == (len(others) + (4 if source else 0)) // 10
    shuffled = list(samples.items())
    random.shuffle(shuffled)
    assert paper_split(dict(shuffled), source) == split


def test_a_split_file(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text('\ufeffwriter,split,remark\nana,train,x\n"b,o",application,\nana,train,again\n', encoding="utf-8")
    assert read_split(path) == {"ana": "train", "b,o": "application"}
    assert assign(str(path), {"ana": 3}, "npz") == {"ana": "train"}
    with pytest.raises(InputError, match=r"split\.csv names no split for 2 of 3 writers, the first of them 'cy'"):
        assign(str(path), {"ana": 3, "dee": 1, "cy": 1}, "npz")


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"writer;split\nana;train\n", FormatError, "must name the columns writer and split"),
        (b"", FormatError, "must name the columns"),
        (b"writer,split\nana,test\n", FormatError, "line 2: the split 'test' is none of train, validation, application"),
        (b"writer,split\nana\n", FormatError, "line 2: the split None"),
        (b"writer,split\nana,train\nana,application\n", InputError, "line 3: the writer 'ana' is in two splits"),
        (b"writer,split\n\xff\xfe,train\n", FormatError, "not a readable CSV"),
        (b"writer\tsplit\nana\ttrain\n", FormatError, "must name the columns"),
        ("writer,split\nana,train\n".encode("utf-16"), FormatError, "it is in UTF-16; save it as UTF-8"),
        (b"writer,split,writer\nana,train,bo\n", FormatError, "names the column writer twice"),
        (b"writer,split\nana,train,x\n", FormatError, "line 2 has more fields than columns"),
        (b"writer,split\n ,train\n", InputError, "line 2: the writer is empty"),
        (b"writer,split\nnan,train\n", InputError, "line 2: the writer is missing: 'nan'"),
        ("writer,split\nJos\u00e9,train\nJose\u0301,application\n".encode(), InputError, "line 3: the writer 'José' is in two"),
        (b'writer,split\n"ana,train\n', FormatError, "line 2: unexpected end of data"),
        (b"writer,split\n" + b"9" * 200_000, FormatError, "not a readable CSV .*line 2: field larger"),
    ],
)
def test_split_files_that_cannot_be_used(tmp_path: Path, content: bytes, error: type[Exception], said: str) -> None:
    path = tmp_path / "split.csv"
    path.write_bytes(content)
    with pytest.raises(error, match=rf"split\.csv.*{said}"):
        read_split(path)


def test_a_split_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        assign(str(tmp_path / "none.csv"), {"ana": 1}, "npz")


def test_blanks_around_fields_windows_ends_and_empty_lines_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_bytes("\ufeffwriter , split\r\n ana ,  train\r\n\r\n  \r\n, \r\n Jose\u0301, application \r\n".encode())
    assert read_split(path) == {"ana": "train", "José": "application"}
    assert assign(str(path), {"ana": 1, "Jose\u0301": 2}, "npz") == {"ana": "train", "Jose\u0301": "application"}


def test_pipes_devices_and_what_is_too_large_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 40)
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "large", tmp_path):
        with pytest.raises(FormatError, match="not a readable CSV"):
            read_split(path)


def test_everyone_is_an_application_writer() -> None:
    assert assign("all", {"ana": 1, "bo": 2}, "npz") == {"ana": "application", "bo": "application"}


@pytest.mark.parametrize("source", PAPER)
def test_the_rule_gives_the_authors_split_up_to_writers_with_equally_many_samples(shared: Path, source: str) -> None:
    with open(shared / "data" / f"paper_split_{source}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    samples = {row["writer"]: int(row["samples"]) for row in rows}
    ours = paper_split(samples, source)
    theirs = read_split(shared / "data" / f"paper_split_{source}.csv")
    expected_samples, expected_writers = PAPER[source]
    for split in (ours, theirs):
        assert {part: sum(samples[w] for w in samples if split[w] == part) for part in SPLITS} == expected_samples
        assert tuple(Counter(split.values())[part] for part in SPLITS) == expected_writers
    # The authors' order among writers with equally many samples is not known; beyond it nothing differs.
    assert Counter((samples[w], ours[w]) for w in samples) == Counter((samples[w], theirs[w]) for w in samples)
