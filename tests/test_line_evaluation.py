"""Lines evaluated and read at the terminal: small corpora of our own ink, read by the shipped bundle."""

from __future__ import annotations

import dataclasses
import json
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from allograph.bundle import SHIPPED, Bundle
from allograph.cli.main import app
from allograph.corpora import LineCorpus
from allograph.errors import FormatError, InputError, MismatchError
from allograph.evaluation import LineEvaluation, evaluate_lines
from allograph.evaluation.lines.protocol import LineProtocol, WriterLines
from allograph.lines.drawing import scan_line
from allograph.writers import Writer
from line_archive import line_corpus, line_strokes
from small import allograph, tiny_bundle

TEXTS = [("ana", "he is 32"), ("ana", "a tree"), ("ana", "my bed 5"), ("ana", "ten hats"), ("bo", "zebra 7")]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> LineCorpus:
    return line_corpus(tmp_path_factory.mktemp("lines"), TEXTS)


@pytest.fixture(scope="module")
def judged(corpus: LineCorpus) -> LineEvaluation:
    return evaluate_lines(corpus)


def without_times(evaluation: LineEvaluation) -> dict[str, Any]:
    return {key: value for key, value in evaluation.results.items() if key != "time"}


def test_the_first_half_is_corrected_and_the_rest_is_judged(judged: LineEvaluation) -> None:
    ana, bo = judged.writers
    assert isinstance(ana, WriterLines)
    assert (ana.learned, ana.after.lines, ana.everything.lines) == (2, 2, 4)
    assert ana.after.characters == len("mybed5" + "tenhats")
    assert sorted(ana.stages) == [0, 1, 2]
    assert (bo.learned, bo.after) == (0, bo.everything)  # one line is too few to learn from
    rows = judged.rows()
    assert [row["name"] for row in rows] == ["all lines", "0", "1", "50 %"]
    assert [row["lines"] for row in rows] == [5, 3, 3, 3]
    assert all(0 <= row["characters_wrong_low"] <= row["characters_wrong"] <= row["characters_wrong_high"] for row in rows)
    assert all(row["cuts_right"] > 0.8 for row in rows)
    assert [row["writer"] for row in judged.writer_rows()] == ["ana", "bo"]
    assert all(one.value > 0 for one in [judged.figures.stages[0].cuts_right] if one.value is not None)
    reading = judged.figures.reading
    assert reading.ratio is not None
    assert reading.ratio > 1  # the network is a part of it
    assert len(ana.drawn) == 2


def test_jobs_change_no_figure(corpus: LineCorpus, judged: LineEvaluation) -> None:
    assert without_times(evaluate_lines(corpus.path, SHIPPED, jobs=2)) == without_times(judged)


def test_wrong_texts_are_doubtful_or_refused(tmp_path: Path) -> None:
    shown = ["abc 123", "tree"]
    wrong = line_corpus(tmp_path, [("ana", "xyz 987"), ("ana", "tree")], shown=shown)
    (ana,) = evaluate_lines(wrong).writers
    assert ana.refused or ana.doubtful > 2
    assert ana.before.lines == 1


def test_options_of_the_protocol(corpus: LineCorpus) -> None:
    none = evaluate_lines(corpus, learn=0)
    assert [row["lines"] for row in none.rows()] == [5, 5]
    chosen = evaluate_lines(corpus, learn=0, only_words=["he", "is", "32", "a", "tree"])
    assert chosen.figures.everything.lines == 2
    scans = evaluate_lines(corpus, learn=0, only_words=["a", "tree"], pictures=True)
    assert scans.results["cuts_right"] is None
    assert scans.results["characters_wrong"] < 1
    late = evaluate_lines(corpus, learn=0, only_words=["he", "is", "32"], late=True)
    assert late.results["protocol"]["late"]


def test_words_are_given_and_the_writers_own_with_them(place: Path) -> None:
    strokes, _ = line_strokes("he is 32")
    ana = Writer("ana")
    plain = ana.read_line(strokes)
    assert ana.read_line(strokes, words=["he", "is"]).text.replace(" ", "") == "heis32"
    ana.correct_line(plain, "he is 32", keep_words=True)
    own = ana.read_line(strokes, words=[])
    assert [(word.first, word.after) for word in own.reading.words][:2] == [(0, 2), (2, 4)]
    assert own.text.replace(" ", "") == "heis32"
    assert plain.reading.words == ()  # off unless words are given, or kept
    with pytest.raises(InputError, match="word 0"):
        ana.read_line(strokes, words=["a b"])
    (place / "words.txt").write_text("he\nis\n")
    assert run(place, "read-lines", "line.json", "--words", "words.txt").stdout.strip().replace(" ", "") == "heis32"
    done = run(place, "evaluate-lines", "lines.parquet", "--words", "words.txt", "--jobs", "1", "--learn", "0", "--json")
    assert json.loads(done.stdout)["protocol"]["words"]


def test_what_cannot_be_evaluated_is_said(corpus: LineCorpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="below 1"):
        LineProtocol(learn=1)
    with pytest.raises(InputError, match="no line of train writers"):
        evaluate_lines(corpus, split="train")
    with pytest.raises(InputError, match="whose every word"):
        evaluate_lines(corpus, only_words=["nothing"])
    with pytest.raises(InputError, match="is none of train"):
        evaluate_lines(corpus, split="test")  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="cannot be read"):
        evaluate_lines(corpus, only_words=tmp_path / "none.txt")
    with pytest.raises(MismatchError, match="reads no lines yet"):
        evaluate_lines(corpus, tiny_bundle(tmp_path / "bundle"))


def test_a_report_has_the_lines_and_escapes_labels(judged: LineEvaluation, tmp_path: Path) -> None:
    odd = dataclasses.replace(judged.writers[0].drawn[0], truth="<b> &", read="<i> |", before="")
    writers = [dataclasses.replace(judged.writers[0], drawn=(odd,)), *judged.writers[1:]]
    page = dataclasses.replace(judged, writers=writers).write_report(tmp_path / "report")
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "report.md", "results.json"]
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 2
    assert "&lt;" in text
    assert "<b>" not in text
    assert "<i>" not in text
    assert 'class="one"' in text
    assert 'class="two"' in text
    assert json.loads((page.parent / "results.json").read_text()) == json.loads(json.dumps(judged.results))
    judged.write_report(tmp_path / "report")  # an older report is replaced
    (tmp_path / "report" / "mine.txt").touch()
    with pytest.raises(InputError, match="is no report"):
        judged.write_report(tmp_path / "report")


# At the terminal


@pytest.fixture
def place(corpus: LineCorpus, tmp_path: Path) -> Path:
    """A folder with the corpus, a line in both forms of JSON, and its picture."""
    shutil.copy(corpus.path, tmp_path / "lines.parquet")
    strokes, _ = line_strokes("he is 32")
    (tmp_path / "line.json").write_text(json.dumps([stroke.tolist() for stroke in strokes]))
    small = [(stroke / 12).tolist() for stroke in strokes]
    (tmp_path / "sized.json").write_text(json.dumps({"strokes": small, "unit": "millimetres", "device": "tablet"}))
    scan_line([stroke / 12 for stroke in strokes]).save(tmp_path / "line.png", dpi=(300, 300))
    return tmp_path


def run(place: Path, *arguments: str, stdin: str = "") -> Result:
    """Run the command line in this process; what goes wrong is raised."""
    with chdir(place):
        done = CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done


def test_evaluate_lines(place: Path) -> None:
    (place / "words.txt").write_text("he is 32 a tree my bed 5 ten hats\n")
    options = ["lines.parquet", "--only-words", "words.txt", "--jobs", "1", "--report", "report"]
    found = json.loads(run(place, "evaluate-lines", *options, "--json").stdout)
    assert found["kind"] == "evaluation of lines"
    assert [one["writer"] for one in found["writers"]] == ["ana"]
    for name in ("characters_wrong", "words_wrong", "cuts_right"):
        assert 0 <= found[name] <= 2
        assert found["writers"][0][name] == found[name]
        assert found["stages"][-1][name] == found[name]
    shown = run(place, "info", "report").stdout
    assert "evaluation of lines, sound" in shown
    assert "learned 50 %" in shown
    printed = run(place, "evaluate-lines", *options, "--learn", "0").stdout
    assert "characters" in printed
    assert "report: report/report.html" in printed


def test_read_lines(place: Path) -> None:
    texts = run(place, "read-lines", "line.json", "sized.json", "line.png").stdout.splitlines()
    assert len(texts) == 3
    assert all("32" in text for text in texts)
    piped = run(place, "read-lines", "-", "--best", "2", "--json", stdin=(place / "line.json").read_text())
    (line,) = json.loads(piped.stdout)["lines"]
    assert line["text"] == texts[0]
    assert line["best"][0]["text"] == texts[0]
    assert len(line["best"]) == 2
    assert "".join(" " * one["space_before"] + one["label"] for one in line["characters"]) == texts[0]
    digits = run(place, "read-lines", "line.json", "--alphabet", "digits").stdout
    assert digits.strip().replace(" ", "").isdecimal()


def test_a_line_is_corrected_in_a_store(place: Path) -> None:
    whose = ["line.json", "--writer", "ana", "--store", "writers.db"]
    for _ in range(2):  # the same line under the same id counts once
        done = run(place, "read-lines", *whose, "--correct", "he is 32", "--id", "line-first", "--json")
        correction = json.loads(done.stdout)["correction"]
        assert correction["id"] == "line-first"
        assert correction["learned"] + len(correction["doubtful"]) == 6
    shown = json.loads(run(place, "writers", "show", "ana", "--store", "writers.db", "--json").stdout)
    assert shown["corrections"] == correction["learned"]
    assert run(place, "read-lines", *whose).stdout.strip().replace(" ", "") == "heis32"
    assert "no writer 'bo'" in run(place, "read-lines", "line.json", "--writer", "bo", "--store", "writers.db").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["line.json", "empty.png"], "empty.png"),
        (["other.json"], "the member 'ink'"),
        (["broken.json"], "is no JSON"),
        (["none.json"], "none.json cannot be read"),
        (["-"], "standard input is empty"),
        (["line.json", "--store", "writers.db"], "--writer"),
        (["line.json", "--writer", "ana", "--store", "none.db"], "does not exist"),
        (["line.json", "--id", "line-a"], "--correct"),
        (["line.json", "sized.json", "--correct", "he is 32"], "one line"),
    ],
)
def test_what_is_no_line_is_refused(place: Path, arguments: list[str], message: str) -> None:
    Image.fromarray(np.full((60, 200), 255, np.uint8)).save(place / "empty.png")
    (place / "other.json").write_text('{"ink": []}')
    (place / "broken.json").write_text("[[[1, 2], [3")
    with pytest.raises(InputError, match=message):
        run(place, "read-lines", *arguments)
    assert not list(place.glob("*.db"))


def test_bad_input_ends_with_two(place: Path) -> None:
    done = allograph("read-lines", "line.json", "lines.parquet", cwd=place, status=2)
    assert done.stdout == ""
    assert "lines.parquet" in done.stderr


def test_train_lines(tmp_path: Path) -> None:
    texts = [("ana", "he is 32"), ("bo", "a tree 5"), ("cy", "my red hat")]
    line_corpus(tmp_path, texts, split="train")
    shutil.copytree(SHIPPED, tmp_path / "bundle")
    before = Bundle.open(tmp_path / "bundle")
    done = run(tmp_path, "train-lines", "lines.parquet", "--model", "bundle", "--json")
    assert json.loads(done.stdout) == {"output": "bundle", "lines": 3, "writers": 3, "labels": 94}
    after = Bundle.open(tmp_path / "bundle")
    assert after.model_hash == before.model_hash
    assert after.lines["strokes/cut/inner"].tolist() != before.lines["strokes/cut/inner"].tolist()
    assert "cut units" in run(tmp_path, "info", "bundle").stdout
