"""An object store: workers prepare, embed and judge a corpus at `s3://`, with the bytes and figures of local folders."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allograph.corpora import prepare
from allograph.corpora import table_output as writing
from allograph.corpora.npz.source import NpzSource
from allograph.embedding import embed
from allograph.errors import InputError
from allograph.evaluation import Resample, evaluate
from small import noise_archive, some_styles, tiny_bundle

pytest.importorskip("distributed", reason="distributed is not installed")
moto = pytest.importorskip("moto.server", reason="moto[server] is not installed, and no object store answers without it")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of a store on 127.0.0.1, with a bucket; processes that are begun meanwhile find it too."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem(use_listings_cache=False)
    system.mkdir("bucket")
    yield system
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_a_corpus_at_an_object_store_is_that_of_a_folder(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PART_GROUPS", 1)
    labels, writers = [str(place % 10) for place in range(9_000)], [f"w{place % 6}" for place in range(9_000)]
    source = NpzSource(noise_archive(tmp_path / "noise.npz", labels, writers))
    bundle = tiny_bundle(tmp_path / "bundle", some_styles())
    judged = []
    for place, jobs in ((str(tmp_path), 1), ("s3://bucket", "local:2")):
        prepare(source, f"{place}/corpus/", "all", jobs=jobs)
        embed(f"{place}/corpus", bundle, f"{place}/embedded/", jobs=jobs)
        embed(f"{place}/corpus", bundle, f"{place}/embedded.parquet", jobs=jobs)
        judged.append(evaluate(f"{place}/embedded", "lookup", Resample(resamples=1), model=bundle, jobs=jobs).writer_rows())
    assert judged[0] == judged[1]
    names = [name for folder in ("corpus", "embedded") for name in (f"{folder}/part-{i:05d}.parquet" for i in range(3))]
    for name in (*names, "corpus/record.json", "embedded/record.json", "embedded.parquet"):
        assert store.cat(f"bucket/{name}") == (tmp_path / name).read_bytes(), name
    with pytest.raises(InputError, match="something is there already"):
        prepare(source, "s3://bucket/corpus/", "all")
