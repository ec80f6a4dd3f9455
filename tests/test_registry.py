"""Adapters by name: this package's own, and those that other packages bring."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from allograph.adapters import ADAPTERS, GROUP, best, build, names
from allograph.bundle import Bundle
from allograph.errors import InputError
from small import some_styles, tiny_bundle


def test_every_adapter_is_built_from_the_shipped_bundle_and_bears_its_name() -> None:
    bundle = Bundle.open()
    assert best(bundle) == "allograph"
    for name in ADAPTERS:
        assert build(name, bundle).name == name


def test_the_best_adapter_is_one_that_the_bundle_can_feed(tmp_path: Path) -> None:
    assert best(tiny_bundle(tmp_path / "styles", some_styles())) == "paper"
    plain = tiny_bundle(tmp_path / "plain")
    assert best(plain) == "memory"
    assert build("memory", plain).name == "memory"
    assert build("head", plain).name == "head"
    with pytest.raises(InputError, match="has no styles"):
        build("paper", plain)


def test_another_packages_adapter_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs.py").write_text(
        "from allograph.adapters.lookup import Lookup\n\n\ndef made(bundle):\n    return Lookup(bundle.alphabet, belief=7.0)\n"
    )
    record = tmp_path / "theirs-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(f"[{GROUP}]\ntheirs = theirs:made\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert names() == [*ADAPTERS, "theirs"]
    assert build("theirs", Bundle.open()).belief == 7.0  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"no method .nobodys.; there are paper, .*theirs"):
        build("nobodys", Bundle.open())
