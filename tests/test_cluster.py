"""A cluster's workers, with a real scheduler and workers as separate processes: they change no byte, and leave nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import allograph as package
from allograph.bundle import Bundle
from allograph.corpora import Corpus, LineCorpus, prepare, prepare_lines
from allograph.corpora import table_output as writing
from allograph.corpora.folds import fold
from allograph.corpora.lines import preparation as line_preparation
from allograph.corpora.lines.archive import LineArchive
from allograph.corpora.lines.source import GatheredLines
from allograph.corpora.npz.source import NpzSource
from allograph.embedding import embed
from allograph.errors import ImageError, InputError, WorkerError
from allograph.evaluation import Resample, evaluate
from allograph.evaluation.lines.experiment import evaluate_lines
from allograph.execution import Jobs, Workers, ordered_map
from allograph.tuning import tune
from dask_processes import Processes, scheduler, until, worker_processes
from line_archive import line_corpus
from small import COMMAND, allograph, contents, digits_corpus, digits_split, environment, noise_archive, some_styles, tiny_bundle

pytest.importorskip("distributed", reason="distributed is not installed")
pytestmark = pytest.mark.slow

SAMPLES = 9_000
"""Three row groups."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with scheduler(tmp_path_factory.mktemp("cluster"), 2) as processes:
        yield processes


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of six writers, two of them in each split."""
    folder = tmp_path_factory.mktemp("archive")
    labels = [str(place % 10) for place in range(SAMPLES)]
    writers = [f"w{place * 6 // SAMPLES}" for place in range(SAMPLES)]
    splits = ("train", "train", "train", "validation", "application", "application")
    rows = "".join(f"w{place},{split}\n" for place, split in enumerate(splits))
    (folder / "split.csv").write_text("writer,split\n" + rows)
    return noise_archive(folder / "noise.npz", labels, writers)


@pytest.fixture(scope="module")
def corpus(archive: Path) -> Corpus:
    return prepare(NpzSource(archive), archive.with_suffix(".parquet"), str(archive.with_name("split.csv")))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "bundle", some_styles())


@pytest.fixture(params=["2", "tcp", "local:2"])
def jobs(request: pytest.FixtureRequest, cluster: Processes) -> Jobs:
    """Who works, besides this process."""
    who: dict[str, Jobs] = {"2": 2, "tcp": cluster.address, "local:2": "local:2"}
    return who[request.param]


def _squared(shared: int, task: int) -> int:
    time.sleep(0.05 if task % 2 == 0 else 0)  # earlier tasks take longer, so that later ones are done before them
    if task == shared:
        raise ImageError(f"sample {task} is empty")
    return task * task


def test_results_come_in_order_and_workers_stay(cluster: Processes) -> None:
    with Workers(-1, cluster.address) as workers:
        for _ in range(2):
            assert list(workers.map(_squared, range(20))) == [task * task for task in range(20)]


def test_an_error_travels_whole_and_drops_the_rest(cluster: Processes) -> None:
    results = ordered_map(_squared, 3, range(1000), cluster.address)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    with pytest.raises(ImageError, match=r"^sample 3 is empty$"):
        next(results)


@pytest.mark.parametrize("output", ["out.parquet", "out/"])
def test_prepare_embed_and_fold_write_the_same_bytes(
    archive: Path, bundle: Bundle, tmp_path: Path, jobs: Jobs, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_GROUPS", 2)
    for name, who in (("one", 1), ("other", jobs)):
        for step in ("prepared", "embedded", "folded"):
            (tmp_path / name / step).mkdir(parents=True)
        prepared, embedded, folded = (f"{tmp_path / name / step}/{output}" for step in ("prepared", "embedded", "folded"))
        prepare(NpzSource(archive), prepared, str(archive.with_name("split.csv")), jobs=who)
        embed(prepared, bundle, embedded, jobs=who)
        fold(prepared, 1, 3, folded, jobs=who)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    assert len(contents(tmp_path / "one")) == (6 if output == "out.parquet" else 14)  # the fold keeps nothing of the second part


@pytest.mark.parametrize("output", ["out.parquet", "out/"])
def test_prepare_lines_writes_the_same_bytes(tmp_path: Path, jobs: Jobs, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PART_GROUPS", 2)
    monkeypatch.setattr(line_preparation, "ROWS", 1)
    written = [("ana", "he is 32"), ("ana", "a tree"), ("bo", "my bed 5"), ("bo", "ten hats"), ("cy", "he is 32")]
    line_corpus(tmp_path, written)
    for name, who, source in (("one", 1, "lines"), ("other", jobs, "lines"), ("gathered", jobs, "gathered")):
        (tmp_path / name).mkdir()
        archive = LineArchive.open(tmp_path / "lines.npz")
        lines = [archive.line(place, "train") for place in range(len(archive))]
        made = archive if source == "lines" else GatheredLines(archive.name, lines)
        prepare_lines(made, f"{tmp_path / name}/{output}", "all", jobs=who)
    assert contents(tmp_path / "one") == contents(tmp_path / "other") == contents(tmp_path / "gathered")
    assert LineCorpus.open(f"{tmp_path}/other/{output}").record.lines == len(written)


def test_evaluate_finds_the_same(corpus: Corpus, bundle: Bundle, tmp_path: Path, jobs: Jobs) -> None:
    found = []
    for who in (1, jobs):
        done = evaluate(corpus.path, ["memory"], Resample(resamples=1), model=bundle, jobs=who)
        done.write_predictions(tmp_path / "predictions.parquet")
        found.append((without_seconds(done.results), (tmp_path / "predictions.parquet").read_bytes()))
    assert found[0] == found[1]


def test_evaluate_lines_finds_the_same(tmp_path: Path, jobs: Jobs) -> None:
    lines = line_corpus(tmp_path, [("ana", "he is 32"), ("ana", "a tree"), ("bo", "my bed 5"), ("bo", "ten hats")])
    one, other = (evaluate_lines(lines, jobs=who).results for who in (1, jobs))
    assert {key: value for key, value in one.items() if key != "time"} == {
        key: value for key, value in other.items() if key != "time"
    }


def test_tune_writes_the_same_bundle(tmp_path: Path, jobs: Jobs) -> None:
    digits = digits_corpus(tmp_path / "digits.parquet", digits_split(tmp_path / "split.csv"))
    for name, who in (("one", 1), ("other", jobs)):
        made = tiny_bundle(tmp_path / name, some_styles())
        tune(embed(digits, made, tmp_path / "embedded.parquet"), made, ["prior", "lookup"], jobs=who)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def without_seconds(value: object) -> object:
    """Results without what the clock said."""
    if isinstance(value, dict):
        return {key: without_seconds(inner) for key, inner in value.items() if "seconds" not in key and "time" not in key}
    return [without_seconds(inner) for inner in value] if isinstance(value, list | tuple) else value


def test_a_worker_killed_in_mid_run_changes_nothing(cluster: Processes, corpus: Corpus, tmp_path: Path) -> None:
    killed: list[int] = []
    one = embed(corpus, None, tmp_path / "one.parquet")

    def kill(what: str, done: int, total: int) -> None:
        if done and not killed:
            killed.append(next(iter(worker_processes(cluster.address).values())))
            os.kill(killed[0], signal.SIGKILL)

    other = embed(corpus, None, tmp_path / "other.parquet", kill, cluster.address)
    assert killed
    assert other.path.read_bytes() == one.path.read_bytes()


def test_a_worker_killed_while_it_writes_its_part_changes_nothing(
    cluster: Processes, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_GROUPS", 1)
    embed(corpus, None, f"{tmp_path}/one/")
    killed: list[int] = []

    def kill(what: str, done: int, total: int) -> None:
        if done and not killed:
            killed.extend(worker_processes(cluster.address).values())
            for process in killed:
                os.kill(process, signal.SIGKILL)

    embed(corpus, None, f"{tmp_path}/other/", kill, cluster.address)
    assert len(killed) == 2
    assert contents(tmp_path / "other") == contents(tmp_path / "one")


def test_a_worker_of_another_version_is_refused_by_name(tmp_path: Path, corpus: Corpus, bundle: Bundle) -> None:
    shutil.copytree(Path(package.__file__).parent, tmp_path / "other" / "allograph")
    init = tmp_path / "other" / "allograph" / "__init__.py"
    old = f'__version__ = "{package.__version__}"'
    assert old in init.read_text()
    init.write_text(init.read_text().replace(old, '__version__ = "0.0.1"'))
    with scheduler(tmp_path / "cluster", 0) as processes:
        processes.add_worker(PYTHONPATH=str(tmp_path / "other"))
        until(lambda: bool(worker_processes(processes.address)))
        (worker,) = worker_processes(processes.address)
        with pytest.raises(WorkerError, match=f"the worker {worker} has allograph 0.0.1, and {package.__version__} is used here"):
            embed(corpus, bundle, tmp_path / "out.parquet", jobs=processes.address)
    assert not (tmp_path / "out.parquet").exists()


def test_a_worker_with_another_bundle_is_refused_by_name(cluster: Processes, corpus: Corpus, tmp_path: Path) -> None:
    meant = tiny_bundle(tmp_path / "bundle", some_styles())
    tiny_bundle(tmp_path / "bundle", some_styles(each=3))  # it was exchanged where the workers look
    with pytest.raises(WorkerError, match=r"the worker tcp://127\.0\.0\.1:\d+ has another bundle at .*, with other statistics"):
        embed(corpus, meant, tmp_path / "out.parquet", jobs=cluster.address)
    assert not (tmp_path / "out.parquet").exists()


def test_urls_are_read_and_written_by_all_processes(
    archive: Path, bundle: Bundle, tmp_path: Path, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_GROUPS", 2)
    split = str(archive.with_name("split.csv"))
    for name, place, who in (("here", f"{tmp_path}/here", 1), ("there", f"file://{tmp_path}/there", jobs)):
        (tmp_path / name).mkdir()
        prepare(NpzSource(archive), f"{place}/corpus/", split, jobs=who)
        embed(f"{place}/corpus", bundle, f"{place}/embedded/", jobs=who)
        embed(f"{place}/corpus", bundle, f"{place}/embedded.parquet", jobs=who)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


@pytest.mark.parametrize("output", ["out.parquet", "out/"])
def test_control_c_leaves_nothing(tmp_path: Path, output: str) -> None:
    labels = [str(place % 10) for place in range(150_000)]
    prepare(NpzSource(noise_archive(tmp_path / "noise.npz", labels, ["ana"] * len(labels))), tmp_path / "noise.parquet", "all")
    (tmp_path / "scratch").mkdir()
    before = contents(tmp_path)
    command = [*COMMAND, "embed", "noise.parquet", "-o", output, "--cluster", "local:2"]
    running = environment() | {"TMPDIR": str(tmp_path / "scratch"), "ALLOGRAPH_TEST_MARK": str(tmp_path)}
    process = subprocess.Popen(command, cwd=tmp_path, env=running, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until(lambda: len(_marked(tmp_path)) >= 4 and any((tmp_path / "scratch").iterdir()))
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    until(lambda: not _marked(tmp_path))
    left = contents(tmp_path)
    left.pop("scratch/.ses", None)  # onnxruntime's, whoever uses it
    assert left == before


def _marked(folder: Path) -> list[int]:
    """The processes that were begun with this folder as their mark."""
    mark, found = f"ALLOGRAPH_TEST_MARK={folder}".encode(), []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
        except OSError:  # it has ended, or is another's
            continue
    return found


def test_a_scheduler_that_is_not_there_or_has_no_worker_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1 "):
        list(ordered_map(_squared, -1, range(3), "tcp://127.0.0.1:1"))
    with scheduler(tmp_path, 0) as processes, pytest.raises(InputError, match="has no worker; start some: dask worker"):
        list(ordered_map(_squared, -1, range(3), processes.address))


def test_a_scheduler_that_ends_is_an_error_and_no_wait(tmp_path: Path) -> None:
    with scheduler(tmp_path, 1) as processes:
        results = ordered_map(_squared, -1, range(10_000), processes.address)
        assert next(results) == 0
        processes.begun[0].kill()
        with pytest.raises(WorkerError, match=r"no longer answers|dropped the work"):
            list(results)


def test_several_deaths_over_one_task_are_an_error(tmp_path: Path) -> None:
    with scheduler(tmp_path, 1) as processes, pytest.raises(WorkerError, match=r"several workers of .* died over the same task"):
        list(ordered_map(_fatal, None, range(2), processes.address))


def _fatal(shared: None, task: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return task


def test_the_command_line_takes_a_cluster(archive: Path, cluster: Processes, tmp_path: Path) -> None:
    shutil.copy(archive, tmp_path / "noise.npz")  # the workers find a relative path where the command was called
    allograph("prepare", "npz", "noise.npz", "--split", "all", "-o", "a.parquet", "--jobs", "1", cwd=tmp_path)
    allograph("prepare", "npz", "noise.npz", "--split", "all", "-o", "b.parquet", "--cluster", cluster.address, cwd=tmp_path)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_numbers_of_an_embedded_corpus_do_not_depend_on_threads(corpus: Corpus, tmp_path: Path) -> None:
    wide, narrow = embed(corpus, None, tmp_path / "a.parquet"), embed(corpus, None, tmp_path / "b.parquet", jobs=2)
    assert np.array_equal(wide.samples().embeddings, narrow.samples().embeddings)
