"""OpenVINO computes a model as onnxruntime does, and an embedded corpus says which of them did."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from allograph.cli.main import app
from allograph.embedding import EmbeddedCorpus
from allograph.errors import FormatError, InputError, MissingExtraError
from allograph.openvino_model import BATCH, OpenVinoModel
from allograph.readings import Samples
from allograph.recognizer import Recognizer
from small import digits_corpus, tiny_bundle

IMAGES = np.random.default_rng(0).integers(0, 256, (3 * BATCH + 5, 28, 28), dtype=np.uint8)
OUTPUTS = ("embeddings", "logits", "features")


def check_alike(found: Samples, expected: Samples) -> None:
    for name in OUTPUTS:
        one, other = getattr(found, name), getattr(expected, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def openvino() -> Recognizer:
    pytest.importorskip("openvino", reason="the openvino extra is not installed")
    return Recognizer(engine="openvino")


def test_the_shipped_model_says_what_it_says_by_onnxruntime(openvino: Recognizer) -> None:
    styles = openvino.bundle.styles
    assert styles is not None
    check_alike(openvino.embed(styles.medoids), Recognizer().embed(styles.medoids))
    check_alike(openvino.embed(IMAGES), Recognizer().embed(IMAGES))


def test_a_model_without_features(tmp_path: Path, openvino: Recognizer) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    check_alike(Recognizer(bundle, engine="openvino").embed(IMAGES), Recognizer(bundle).embed(IMAGES))


@given(st.integers(0, len(IMAGES)), st.integers(0, len(IMAGES)))
@settings(max_examples=20, deadline=None)
def test_what_is_read_beside_a_sample_changes_nothing(openvino: Recognizer, one: int, other: int) -> None:
    start, end = sorted((one, other))
    whole, part = openvino.embed(IMAGES), openvino.embed(IMAGES[start:end])
    for name in OUTPUTS:
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[start:end])


def test_threads_that_share_it_get_their_own_answers(openvino: Recognizer) -> None:
    whole = openvino.embed(IMAGES)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: openvino.embed(IMAGES[start : start + 40]), range(0, 60, 3)))
    for start, samples in zip(range(0, 60, 3), found, strict=True):
        np.testing.assert_array_equal(samples.logits, whole.logits[start : start + 40])


def test_an_embedded_corpus_says_what_computed_the_model(tmp_path: Path, openvino: Recognizer) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    digits_corpus(tmp_path / "digits.parquet")
    embedded = {}
    for engine in ("onnxruntime", "openvino"):
        output = tmp_path / f"{engine}.parquet"
        command = ["embed", str(tmp_path / "digits.parquet"), "-o", str(output), "--model", str(bundle.path), "--json"]
        result = CliRunner().invoke(app, [*command, "--engine", engine])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["engine"] == engine
        embedded[engine] = EmbeddedCorpus.open(output)
        assert embedded[engine].record.engine == engine
    every = np.ones(len(embedded["openvino"]), bool)
    ours, peer = (embedded[engine].samples(every) for engine in ("openvino", "onnxruntime"))
    np.testing.assert_allclose(ours.logits, peer.logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(ours.labels, peer.labels)


def test_what_is_no_onnx_model_is_refused(tmp_path: Path, openvino: Recognizer) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(FormatError, match="no model that OpenVINO can load"):
        OpenVinoModel(tmp_path / "model.onnx", ["embedding"])


def test_an_engine_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="no engine 'magic'; there are onnxruntime, openvino"):
        Recognizer(engine="magic")  # type: ignore[arg-type]


def test_without_openvino_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"allograph\[openvino\]"):
        Recognizer(engine="openvino")
