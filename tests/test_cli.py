"""The command line, as a user meets it: every command is a process of its own, on real files."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import allograph as package
from allograph.bundle import Bundle
from allograph.corpora.corpus import Corpus
from allograph.embedding import EmbeddedCorpus, embed
from allograph.recognizer import Recognizer
from allograph.training.survey import survey
from nist_archive import by_class, zipped
from small import (
    COMMAND,
    DIGITS,
    TINY,
    allograph,
    contents,
    digits_corpus,
    digits_split,
    environment,
    noise_archive,
    noise_corpus,
    tiny_bundle,
)

ODD = ["<", "[", "|", "&", "`", '"', "\\", "[/b]", "é", "字"]
"""Labels that markup of one kind or another would swallow."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a bundle with styles, an embedded corpus and a report, which no test changes."""
    folder = tmp_path_factory.mktemp("made")
    corpus = digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))
    styles, _ = survey(Recognizer(tiny_bundle(folder / "bundle")), corpus, folder)
    recognizer = Recognizer(tiny_bundle(folder / "bundle", styles), threads=1)
    embed(corpus, recognizer, folder / "embedded.parquet")
    noise_archive(folder / "noise.npz", list("0123456789") * 10, ["a", "b"] * 50)
    allograph("evaluate", "embedded.parquet", "--model", "bundle", "--resamples", "2", "--report", "report", cwd=folder)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder for one test."""
    shutil.copytree(made, tmp_path / "place")
    return tmp_path / "place"


def refused(*arguments: str | Path, cwd: Path, status: int = 2) -> str:
    """Run a command that must fail, print nothing on standard output, and leave the folder as it was; returns its error."""
    before = contents(cwd)
    done = allograph(*arguments, cwd=cwd, status=status)
    assert done.stdout == ""
    assert contents(cwd) == before
    return done.stderr


# The commands


def test_the_flow_from_an_archive_to_a_report(place: Path) -> None:
    prepared = allograph("prepare", "digits", "--split", "split.csv", "-o", "again.parquet", cwd=place)
    assert "preparing …" in prepared.stderr
    assert re.search(r"samples +1797\n", prepared.stdout)
    embedded = allograph("embed", "again.parquet", "--model", "bundle", "-o", "again.embedded.parquet", cwd=place)
    assert "embedding …" in embedded.stderr
    options = ["--model", "bundle", "--method", "paper", "--feedback", "all", "--report", "again"]
    judged = allograph("evaluate", "again.embedded.parquet", *options, cwd=place)
    for title in ("Table 1", "Table 2", "Table 3"):
        assert title in judged.stdout
    assert "report: again/report.html" in judged.stdout
    assert sorted(os.listdir(place / "again")) == ["report.html", "report.md", "results.json"]
    results = json.loads((place / "again" / "results.json").read_text())
    assert results["runs"][0]["protocol"]["feedback"] == "all"
    assert results["model"] == Bundle.open(place / "bundle").model_hash
    paper = results["runs"][0]["methods"]["paper"]
    assert paper["gain"] > 0.02
    assert paper["gain"] == pytest.approx(paper["accuracy"] - results["runs"][0]["base"]["accuracy"])
    direct = allograph("evaluate", "again.parquet", *options[:-2], "--json", cwd=place)  # embedded on the way
    found = json.loads(direct.stdout)["runs"][0]["methods"]["paper"]
    assert {key: value for key, value in found.items() if key != "seconds"} == {
        key: value for key, value in paper.items() if key != "seconds"
    }


@pytest.mark.slow
def test_the_protocols_that_follow_a_writer(place: Path) -> None:
    options = ["embedded.parquet", "--model", "bundle", "--alphabet", "digits"]
    runs = judged(place, *options, "--protocol", "sequential", "--missed", "0.2", "--resamples", "2")
    assert [run["protocol"]["feedback"] for run in runs] == ["silence", "mistakes", "all"]
    assert runs[0]["protocol"]["missed"] == 0.2
    samples = {run["base"]["samples"] for run in runs}
    for run in runs:
        paper = run["methods"]["paper"]
        assert sum(part["samples"] for part in paper["course"]["stretches"]) in samples
        assert paper["course"]["stretches"][0]["corrections"] == 0
        assert paper["calibration_error"] is not None
    (only,) = judged(place, *options, "--protocol", "sequential", "--feedback", "all")
    assert only["methods"]["paper"]["course"] == runs[2]["methods"]["paper"]["course"]  # the digits' order is known

    points = judged(place, *options, "--protocol", "curve", "--resamples", "2")
    learned = [(point["protocol"].get("per_label"), point["protocol"].get("corrections")) for point in points]
    assert learned == [(1, None), (2, None), (4, None), (8, None), (None, 0), (None, 10), (None, 30), (None, 100)]
    assert len({point["base"]["accuracy"] for point in points}) == 1
    assert points[4]["methods"]["paper"]["gain"] == 0 < points[-1]["methods"]["paper"]["gain"]

    (in_order,) = judged(place, *options, "--in-order", "--adaptation", "0.75")
    assert in_order["protocol"]["in_order"] is True
    written = len(EmbeddedCorpus.open(place / "embedded.parquet").samples().rows)
    assert in_order["base"]["samples"] == pytest.approx(written / 4, abs=2)


def judged(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """The runs that `evaluate --json` prints."""
    runs: list[dict[str, Any]] = json.loads(allograph("evaluate", *arguments, "--json", cwd=folder).stdout)["runs"]
    return runs


@pytest.mark.slow
@pytest.mark.usefixtures("torch_installed")
def test_the_five_commands_of_the_paper(tmp_path: Path) -> None:
    digits_split(tmp_path / "split.csv")
    allograph("prepare", "digits", "-o", "digits.parquet", "--split", "split.csv", cwd=tmp_path)
    trained = allograph("train", "digits.parquet", "-o", "model", "--schedule", "6x32", cwd=tmp_path)
    assert re.search(r"accuracy +train 9\d\.\d\d %, validation 9\d\.\d\d %, application [89]\d\.\d\d %", trained.stdout)
    allograph("embed", "digits.parquet", "--model", "model/", "-o", "embedded.parquet", cwd=tmp_path)
    options = ["--model", "model/", "--method", "paper", "--feedback", "all", "--report", "report/"]
    assert "Table 3" in allograph("evaluate", "embedded.parquet", *options, cwd=tmp_path).stdout
    for name, kind in (("digits.parquet", "corpus"), ("model", "bundle"), ("report", "evaluation result")):
        assert f"{name}: {kind}, sound" in allograph("info", name, cwd=tmp_path).stdout
    assert sorted(os.listdir(tmp_path)) == ["digits.parquet", "embedded.parquet", "model", "report", "split.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["prepare", "train", "embed", "evaluate", "bundle", "info", "demo"])
def test_help_lists_every_option(command: str, tmp_path: Path) -> None:
    from typer.main import get_command

    from allograph.cli.main import app

    parameters = get_command(app).commands[command].params  # type: ignore[attr-defined]
    shown = allograph(command, "--help", cwd=tmp_path).stdout
    for parameter in parameters:
        assert parameter.help
        for name in parameter.opts if parameter.param_type_name == "option" else [parameter.name]:
            assert name in shown
    assert {"prepare": 10, "train": 7, "evaluate": 14, "bundle": 9}.get(command, 1) <= len(parameters)


def test_help_and_version(tmp_path: Path) -> None:
    shown = allograph("--help", cwd=tmp_path).stdout
    for command in ("prepare", "train", "embed", "evaluate", "bundle", "info", "demo"):
        assert command in shown
    assert allograph("-h", cwd=tmp_path).stdout == shown
    assert allograph("--version", cwd=tmp_path).stdout == f"allograph {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evalute"], "No such command 'evalute'"),
        (["embed"], "Missing argument 'corpus'"),
        (["embed", "digits.parquet"], "Missing option '--output'"),
        (["info", "digits.parquet", "--nothing"], "No such option: --nothing"),
        (["evaluate", "embedded.parquet", "--resamples", "many"], "Invalid value for '--resamples'"),
        (["prepare", "digits", "--jobs", "0"], "Invalid value for '--jobs'"),
    ],
)
def test_wrong_usage_ends_with_2(made: Path, arguments: list[str], message: str) -> None:
    assert message in refused(*arguments, cwd=made)


def test_a_command_is_asked_for(tmp_path: Path) -> None:
    assert "Usage" in allograph(cwd=tmp_path, status=2).stdout


# JSON


@pytest.mark.slow
def test_json_stands_alone_on_standard_output(place: Path) -> None:
    prepared = allograph("prepare", "npz", "noise.npz", "--split", "all", "-o", "all.parquet", "--json", cwd=place)
    found = json.loads(prepared.stdout)
    assert (found["output"], found["samples"], found["frame"]) == ("all.parquet", 100, "mnist")
    assert found["split_writers"] == {"train": 0, "validation": 0, "application": 2}
    assert prepared.stderr.startswith("preparing …")
    embedded = allograph("embed", "digits.parquet", "--model", "bundle", "-o", "e.parquet", "--json", cwd=place)
    model = Bundle.open(place / "bundle").model_hash
    assert json.loads(embedded.stdout) == {"output": "e.parquet", "samples": 1797, "model": model, "engine": "onnxruntime"}
    assert embedded.stderr.startswith("embedding …")
    options = ["--model", "bundle", "--resamples", "1", "--report", "new"]
    judged = allograph("evaluate", "e.parquet", *options, "--json", cwd=place)
    assert json.loads(judged.stdout) == json.loads((place / "new" / "results.json").read_text())
    assert "adapting and testing writers …" in judged.stderr


@pytest.mark.parametrize(
    ("name", "kind", "facts"),
    [
        ("digits.parquet", "corpus", {"samples": 1797, "labels": 10, "writers": 14, "frame": "mnist", "source": "digits"}),
        ("embedded.parquet", "embedded corpus", {"samples": 1797, "labels": 10, "writers": 14, "frame": "mnist"}),
        ("bundle", "bundle", {"labels": 10, "embedding size": 8, "styles": 50, "frame": "mnist"}),
        ("report", "evaluation result", {"corpus": "embedded.parquet"}),
        ("report/results.json", "evaluation result", {"corpus": "embedded.parquet"}),
    ],
)
def test_info_says_what_it_is_and_what_is_in_it(made: Path, name: str, kind: str, facts: dict[str, Any]) -> None:
    found = json.loads(allograph("info", name, "--json", cwd=made).stdout)
    assert {"path": name, "kind": kind, "sound": True, **facts}.items() <= found.items()
    shown = allograph("info", made / name, cwd=made).stdout.splitlines()
    assert shown[0] == f"{made / name}: {kind}, sound"
    for key, value in facts.items():
        assert any(re.fullmatch(rf"  {key} +{value}", line) for line in shown)


# Labels that are markup elsewhere


@pytest.mark.slow
def test_labels_are_printed_as_they_are(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "[b]odd", alphabet=ODD)
    shown = allograph("info", "[b]odd", cwd=tmp_path).stdout
    assert "[b]odd: bundle, sound" in shown
    assert f"  {' '.join(ODD)}\n" in shown
    found = json.loads(allograph("info", "[b]odd", "--json", cwd=tmp_path).stdout)
    assert found["alphabet"] == " ".join(ODD)
    noise_corpus(tmp_path / "noise.parquet", ["a", "[/b]"], ["w1", "w2"])
    error = refused("evaluate", "noise.parquet", "--model", "[b]odd", "--method", "paper", cwd=tmp_path)
    assert "the bundle [b]odd has no styles" in error
    error = refused("evaluate", "noise.parquet", "--model", "[b]odd", cwd=tmp_path)
    assert "allograph: noise.parquet holds labels that the model does not know: 1, the first of them 'a'" in error
    error = refused("info", "[red]nothing[/red]", cwd=tmp_path)
    assert "[red]nothing[/red] does not exist" in error


def test_on_a_terminal_there_are_a_bar_and_tables(made: Path) -> None:
    parent, child = pty.openpty()
    command = [*COMMAND, "evaluate", "embedded.parquet", "--model", "bundle", "--resamples", "2"]
    settings = {**environment(), "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(command, cwd=made, env=settings, stdout=child, stderr=child, stdin=child)
    os.close(child)
    shown = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(parent)
    assert process.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "Table 3. Accuracy of the methods" in text
    assert "adapting and testing writers" in text
    assert "Traceback" not in text


# Bad input


Break = Callable[[Path], Any]


def archive(**changes: Any) -> Break:
    """Write `a.npz`: noise by two writers, with other arrays in place of its own."""
    return lambda place: noise_archive(place / "a.npz", ["1", "2", "3"], ["a", "a", "b"], **changes)


def holding(name: str, content: bytes | str) -> Break:
    """Write a file."""
    return lambda place: (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def cut(name: str, size: int = 1000) -> Break:
    """Keep the beginning of a file."""
    return lambda place: os.truncate(place / name, size)


def cut_archive(place: Path) -> None:
    archive()(place)
    cut("a.npz")(place)


def nist(place: Path, **changes: bytes) -> Path:
    """Write `by_class.zip`."""
    return zipped(place / "by_class.zip", {**by_class(), **{f"by_class/{name}": data for name, data in changes.items()}})


def truncated_nist(place: Path) -> None:
    os.truncate(nist(place), 2000)


def miscounted_nist(place: Path) -> None:
    nist(place, **{"30/hsf_4.mit": b"2\n" + by_class()["by_class/30/hsf_4.mit"].split(b"\n", 1)[1]})


def noise(place: Path) -> Corpus:
    """Write `noise.parquet` of labels that nobody expects, and `noise.embedded.parquet`."""
    corpus = noise_corpus(place / "noise.parquet", ["1", "[", "2"], ["a", "b", "b"])
    embed(corpus, Recognizer(place / "bundle", threads=1), place / "noise.embedded.parquet")
    return corpus


def timeless(place: Path) -> None:
    """Write `timeless.parquet`, which does not say in which order its samples were written."""
    noise_corpus(place / "timeless.parquet", ["1", "2", "1"], ["a", "b", "b"])


def learned(place: Path) -> None:
    """Write a split in which nobody is judged."""
    digits_split(place / "learned.csv", validation=4, application=0)


def other_version(name: str) -> Break:
    """Write a Parquet file again as one of format 3."""

    def change(place: Path) -> None:
        table, record = pq.read_table(place / name), pq.ParquetFile(place / name).metadata.metadata[b"allograph"]
        newer = json.dumps(json.loads(record) | {"format": 3}).encode()
        pq.write_table(table.replace_schema_metadata({b"allograph": newer}), place / name)

    return change


def configured(**changes: Any) -> Break:
    """Change the bundle's configuration."""

    def change(place: Path) -> None:
        path = place / "bundle" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def damaged(place: Path) -> None:
    content = bytearray((place / "digits.parquet").read_bytes())
    content[5000:5100] = bytes(100)
    (place / "digits.parquet").write_bytes(content)


def nothing(place: Path) -> None:
    """Leave all as it is."""


EMPTY = np.random.default_rng(0).integers(1, 256, (3, 28, 28), dtype=np.uint8) * np.array([1, 0, 1], np.uint8)[:, None, None]
PREPARE = "prepare npz a.npz -o out.parquet"
EMBED = "embed digits.parquet --model bundle -o out.parquet"
EVALUATE = "evaluate embedded.parquet --model bundle"
BAD: list[tuple[str, Break, str, str]] = [
    ("no archive", nothing, PREPARE, r"a\.npz does not exist"),
    (
        "truncated archive",
        cut_archive,
        PREPARE,
        r"a\.npz is not a readable npz archive: it",
    ),
    ("no archive at all", holding("a.npz", "not a zip"), PREPARE, r"a\.npz is not a readable npz archive: it is truncated or f"),
    ("empty image", archive(images=EMPTY), PREPARE, r"a\.npz: the image at place 1 is empty: it shows no ink"),
    (
        "NaN pixels",
        archive(images=np.full((3, 28, 28), np.nan)),
        PREPARE,
        r"a\.npz: images is uint8 \[n, 28, 28\]; this is float64",
    ),
    ("wrong shape", archive(images=EMPTY[:, :27]), PREPARE, r"a\.npz: images is uint8 .* this is uint8 \[3, 27, 28\]"),
    ("pickled", archive(labels=np.array(["1", 2, "3"], object)), PREPARE, r"a\.npz: the array labels cannot be read .* pickled"),
    ("lengths", archive(writers=np.array(["a", "b"])), PREPARE, r"a\.npz: writers has 2 entries and labels has 3"),
    ("long label", archive(labels=np.array(["1", "x" * 17, "3"])), PREPARE, r"a label has 1–16 code points; 'x{17}' has 17"),
    ("other frame", archive(), PREPARE + " --frame paper", r"npz holds finished images in the mnist frame"),
    ("no frame", archive(), PREPARE + " --frame emnist", r"there is no frame 'emnist'; there are paper, mnist"),
    ("no split file", archive(), PREPARE + " --split no.csv", r"the split file no\.csv does not exist"),
    ("writer left out", archive(), PREPARE + " --split split.csv", r"split\.csv names no split for 2 of 2 writers, .* 'a'"),
    (
        "no folder",
        archive(),
        "prepare npz a.npz -o no/out.parquet",
        r"cannot write no/out\.parquet: the folder no does not exist",
    ),
    ("folder there", archive(), "prepare npz a.npz -o bundle", r"cannot write the file bundle: a folder of that name is there"),
    (
        "no source",
        nothing,
        "prepare mnist -o out.parquet",
        r"there is no source 'mnist'; there are nist, deepwriting, unipen, inkml, digits",
    ),
    ("no path", nothing, "prepare nist -o out.parquet", r"nist needs the path of what to read"),
    ("polarity", nothing, "prepare digits --polarity black", r"the polarity is auto, dark, light, not 'black'"),
    ("truncated NIST", truncated_nist, "prepare nist by_class.zip -o out.parquet", r"by_class\.zip.*truncated"),
    ("foreign NIST", holding("by_class.zip", "x" * 500), "prepare nist by_class.zip -o out.parquet", r"by_class\.zip"),
    ("miscounted NIST", miscounted_nist, "prepare nist by_class.zip -o out.parquet", r"by_class\.zip.*30/hsf_4\.mit.* 2 .* 1"),
    ("no picture", holding("m.csv", "path,label,writer\nx.png,a,w\n"), "prepare folder m.csv -o out.parquet", r"x\.png"),
    ("foreign DeepWriting", archive(), "prepare deepwriting a.npz -o out.parquet", r"a\.npz"),
    ("no corpus", nothing, "embed no.parquet --model bundle -o out.parquet", r"no\.parquet does not exist"),
    ("truncated corpus", cut("digits.parquet"), EMBED, r"digits\.parquet is not a readable Parquet file: it is truncated"),
    ("damaged corpus", damaged, EMBED, r"digits\.parquet is damaged .*make it anew"),
    ("corpus of tomorrow", other_version("digits.parquet"), EMBED, r"digits\.parquet is an allograph corpus of format 3; this"),
    (
        "embedded twice",
        nothing,
        "embed embedded.parquet --model bundle -o out.parquet",
        r"is an allograph embedded corpus, and an allo",
    ),
    (
        "other frame",
        configured(frame="paper"),
        EMBED,
        r"digits\.parquet is in the mnist frame and the model of bundle reads the p",
    ),
    (
        "no bundle",
        nothing,
        "embed digits.parquet --model no -o out.parquet",
        r"there is no bundle at no: a bundle is a folder with",
    ),
    ("truncated model", cut("bundle/model.onnx"), EMBED, r"bundle/model\.onnx is not the model that config\.json describes"),
    (
        "bundle of tomorrow",
        configured(format=2),
        EMBED,
        r"bundle is an allograph bundle of format 2; this release reads format 1",
    ),
    ("embedding size", configured(embedding_size=9), EMBED, r"bundle: the model's embeddings have 9 numbers and the styles' 8"),
    ("other model", configured(model_hash="0" * 64), EVALUATE, r"model\.onnx is not the model that config\.json describes"),
    ("embedded by another", nothing, "evaluate embedded.parquet", r"embedded\.parquet was embedded by another model"),
    (
        "embedded tomorrow",
        other_version("embedded.parquet"),
        EVALUATE,
        r"embedded\.parquet is an allograph embedded corpus of format 3",
    ),
    ("nobody to judge", learned, EVALUATE + " --split learned.csv", r"no application writer"),
    ("unknown label", noise, "evaluate noise.embedded.parquet --model bundle", r"labels that the model does not know: .*'\['"),
    ("no method", nothing, EVALUATE + " --method papre", r"there is no method 'papre'; there are paper"),
    (
        "no protocol",
        nothing,
        EVALUATE + " --protocol bootstrap",
        r"there is no protocol 'bootstrap'; there is resample, seq",
    ),
    ("feedback in turn", nothing, EVALUATE + " --protocol sequential --feedback none", r"silence, mistakes, all, not 'none'"),
    ("a label in turn", nothing, EVALUATE + " --protocol sequential --per-label 1", r"--per-label is not for the protocol seq"),
    ("missed", nothing, EVALUATE + " --missed 0.5", r"--missed is not for the protocol resample"),
    ("curve told", nothing, EVALUATE + " --protocol curve --feedback all", r"--feedback is not for the protocol curve"),
    ("no time", timeless, "evaluate timeless.parquet --model bundle --in-order", r"does not say in which order"),
    ("no feedback", nothing, EVALUATE + " --feedback some", r"feedback is none or all, not 'some'"),
    ("no alphabet", nothing, EVALUATE + " --alphabet greek", r"there is no alphabet named 'greek'"),
    ("outside", nothing, EVALUATE + " --alphabet letters", r"label"),
    ("all is learned", nothing, EVALUATE + " --adaptation 1", r"adaptation share is at least 0 and less than 1, not 1\.0"),
    ("no resample", nothing, EVALUATE + " --resamples 0", r"at least one resample, not 0"),
    ("report there", nothing, EVALUATE + " --report bundle", r"bundle holds .* and is no report"),
    ("nothing", nothing, "info no.parquet", r"no\.parquet does not exist"),
    ("cut corpus", cut("digits.parquet"), "info digits.parquet", r"digits\.parquet is not a readable Parquet file"),
    ("damaged corpus seen", damaged, "info digits.parquet", r"digits\.parquet is damaged"),
    (
        "cut embedded corpus",
        cut("embedded.parquet"),
        "info embedded.parquet",
        r"embedded\.parquet is not a readable Parquet file",
    ),
    (
        "cut bundle",
        cut("bundle/styles.safetensors"),
        "info bundle",
        r"bundle/styles\.safetensors is not a readable safetensors file",
    ),
    ("misfit bundle", configured(alphabet=list("0123456789a")), "info bundle", r"output logits has 10 numbers; 11 were expected"),
    ("cut report", cut("report/results.json", 300), "info report", r"report/results\.json is not readable JSON"),
    ("foreign JSON", holding("x.json", '{"runs": 5, "format": 1}'), "info x.json", r"x\.json is not the result of an evaluation"),
    ("empty folder", lambda place: (place / "empty").mkdir(), "info empty", r"empty is neither a bundle nor a report"),
    (
        "picture",
        holding("x.png", b"\x89PNG"),
        "info x.png",
        r"x\.png is not a readable Parquet file: it is truncated, damaged or fo",
    ),
]


@pytest.mark.parametrize(
    ("prepare", "command", "message"),
    [
        pytest.param(*row, id=name, marks=pytest.mark.slow if i % 6 else ()) for i, (name, *row) in enumerate(BAD)
    ],  # a process each
)
def test_bad_input_is_named_and_leaves_nothing_behind(place: Path, prepare: Break, command: str, message: str) -> None:
    prepare(place)
    error = refused(*command.split(), cwd=place)
    assert re.search(message, error), error
    assert error.count("allograph: ") == 1


def test_a_writer_with_one_sample_is_no_trouble(place: Path) -> None:
    writers = ["a"] + ["b"] * 40
    noise_corpus(place / "noise.parquet", [str(i % 10) for i in range(41)], writers, "all")
    judged = allograph("evaluate", "noise.parquet", "--model", "bundle", "--resamples", "3", "--json", cwd=place)
    run = json.loads(judged.stdout)["runs"][0]
    assert {writer["id"] for writer in run["writers"]} <= {"a", "b"}
    assert run["base"]["samples"] >= 3 * 3


def test_an_output_that_was_there_survives_a_failure_and_is_replaced_by_success(place: Path) -> None:
    (place / "a.npz").write_bytes(b"not a zip")
    refused("prepare", "npz", "a.npz", "-o", "digits.parquet", cwd=place)
    allograph("prepare", "npz", "noise.npz", "-o", "digits.parquet", cwd=place)
    assert Corpus.open(place / "digits.parquet").source == "npz"


# Bundle


@pytest.mark.usefixtures("torch_installed")
def test_bundle_takes_anyones_model(place: Path) -> None:
    (place / "alphabet.txt").write_text("\n".join(ODD) + "\n", encoding="utf-8")
    options = ["--embedding", "embedding", "--logits", "logits", "--alphabet", "alphabet.txt", "-o", "mine"]
    done = allograph("bundle", TINY, *options, "--frame", "paper", "--json", cwd=place)
    assert json.loads(done.stdout)["output"] == "mine"
    assert list(Bundle.open(place / "mine").alphabet) == ODD
    assert Bundle.open(place / "mine").frame == "paper"
    for content, message in (
        ("a\nb\na\n", r"alphabet\.txt: an alphabet holds each label once; these come twice: a"),
        ("", r"alphabet\.txt: an alphabet has at least one label"),
        ("\n".join(DIGITS[:9]), r"tiny\.onnx has 10 logits and the alphabet 9 labels"),
    ):
        (place / "alphabet.txt").write_text(content)
        assert re.search(message, refused("bundle", TINY, *options, cwd=place))
    assert "is no bundle" in refused("bundle", TINY, *options[:-1], "report", cwd=place)
    (place / "alphabet.txt").write_bytes(b"\xff\xfe")
    assert "alphabet.txt is not a readable text file" in refused("bundle", TINY, *options, cwd=place)


def test_without_torch_the_error_says_what_to_install(made: Path) -> None:
    hidden = "import sys; sys.modules |= dict.fromkeys(['torch', 'onnx']); from allograph.cli.main import main; main()"
    for command in ("train digits.parquet -o x", "bundle x.onnx --embedding e --logits l --alphabet split.csv -o x"):
        done = subprocess.run([sys.executable, "-c", hidden, *command.split()], cwd=made, capture_output=True, text=True)
        assert done.returncode == 2
        assert re.search(r'(torch|onnx) is not installed; it comes with: pip install "allograph\[train\]"', done.stderr)


# Full disks, interruptions, closed pipes


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("prepare npz noise.npz -o out.parquet", "out.parquet"),
        ("prepare npz noise.npz -o digits.parquet", "digits.parquet"),
        (EMBED, "out.parquet"),
        pytest.param(EVALUATE + " --resamples 1 --report new", "new", marks=pytest.mark.slow),
        (EVALUATE + " --resamples 1 --report report", "report"),
    ],
)
def test_a_full_disk_ends_with_1_and_leaves_what_was_there(made: Path, command: str, output: str) -> None:
    before = contents(made)
    done = allograph(
        *command.split(),
        cwd=made,
        status=1,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert re.search(
        rf"^allograph: cannot write (\S*/)?{output}: the file size limit is reached\. What stood there", done.stderr, re.M
    )
    assert done.stdout == ""
    assert contents(made) == before


@pytest.mark.slow
def test_a_full_disk_behind_standard_output_ends_with_1(made: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full on this machine")
    for command in ("info bundle", "info bundle --json", EVALUATE + " --resamples 1"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*COMMAND, *command.split()], cwd=made, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("command", ["info bundle", "info bundle --json", EVALUATE + " --resamples 1 --json", "--help"])
def test_a_reader_that_has_seen_enough_is_no_error_to_tell(made: Path, command: str) -> None:
    piped = f"{shlex.join([*COMMAND, *command.split()])} | head -1"
    done = subprocess.run(piped, shell=True, cwd=made, env=environment(), capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert [line for line in done.stderr.splitlines() if not line.endswith("…")] == []


@pytest.fixture(scope="module")
def long_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with work for some seconds."""
    folder = tmp_path_factory.mktemp("long")
    count = 60_000
    noise_archive(folder / "a.npz", [str(i % 10) for i in range(count)], [f"w{i % 40}" for i in range(count)])
    allograph("prepare", "npz", "a.npz", "-o", "noise.parquet", "--split", "all", cwd=folder)
    corpus = digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))
    styles, _ = survey(Recognizer(tiny_bundle(folder / "plain")), corpus, folder)
    recognizer = Recognizer(tiny_bundle(folder / "bundle", styles))
    embed(Corpus.open(folder / "noise.parquet"), recognizer, folder / "embedded.parquet")
    assert len(EmbeddedCorpus.open(folder / "embedded.parquet")) == count
    return folder


LONG = [
    ("prepare digits -o out.parquet --jobs 1", "preparing"),
    ("prepare npz a.npz -o noise.parquet --jobs 2", "preparing"),
    ("embed noise.parquet --model bundle -o embedded.parquet", "embedding"),
    (EVALUATE + " --report new --jobs 1", "adapting"),
    (EVALUATE + " --report new --jobs 2", "adapting"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "step"), LONG)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_ends_with_130_and_leaves_what_was_there(
    long_work: Path, command: str, step: str, number: signal.Signals
) -> None:
    before = contents(long_work)
    process = subprocess.Popen(
        [*COMMAND, *command.split()],
        cwd=long_work,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(step):
            break
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal sends it to the workers too
    else:
        process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert errors.strip().splitlines()[-1] == "interrupted; no half-written output was left behind"
    assert "Traceback" not in errors
    assert contents(long_work) == before


@pytest.mark.slow
def test_a_killed_command_leaves_the_old_output(long_work: Path) -> None:
    kept = (long_work / "embedded.parquet").read_bytes()
    process = subprocess.Popen(
        [*COMMAND, "embed", "noise.parquet", "--model", "bundle", "-o", "embedded.parquet"],
        cwd=long_work,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (long_work / "embedded.parquet").read_bytes() == kept
    for left in long_work.glob(".embedded.parquet.*"):
        shutil.rmtree(left)


def test_the_command_is_installed_by_its_name() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"allograph": "allograph.cli.main:main"}
    script = Path(sys.executable).with_name("allograph")
    if not script.exists():
        pytest.skip("allograph runs from its sources here, and has no command of its own")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"allograph {package.__version__}\n"
