"""A corpus as Hugging Face's own library reads it, and bundles on a hub that this file serves."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from allograph.bundle import MODEL, Bundle
from allograph.corpora import Corpus
from allograph.corpora import hugging_face as exporting
from allograph.corpora.hugging_face import export_hugging_face
from allograph.errors import FormatError, InputError, ServiceError
from conftest import REQUIRED
from small import COMMAND, digits_corpus, digits_split, environment

if "hub" not in REQUIRED:
    pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
datasets: Any = importlib.import_module("datasets")
hub: Any = importlib.import_module("huggingface_hub")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return digits_corpus(tmp_path / "digits.parquet", digits_split(tmp_path / "split.csv"))


def test_datasets_reads_the_same(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SHARD", 500)
    monkeypatch.setattr(exporting, "GROUP", 200)
    export_hugging_face(corpus, tmp_path / "out")
    assert len(list((tmp_path / "out" / "data").glob("train-*-of-00003.parquet"))) == 3
    found = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert list(found) == ["train", "validation", "application"]
    for split, samples in found.items():
        assert isinstance(samples.features["image"], datasets.Image)
        label = samples.features["label"]
        assert isinstance(label, datasets.ClassLabel)
        mine = corpus.splits == split
        assert [label.int2str(i) for i in samples["label"]] == corpus.labels[mine].tolist()
        assert list(samples["writer"]) == corpus.writers[mine].tolist()
        images = np.stack([np.asarray(image) for image in samples["image"]])
        assert np.array_equal(images, corpus.images(split))
        orders = np.concatenate([part.order for part in corpus.batches(split) if part.order is not None])
        assert list(samples["order"]) == orders.tolist()
        assert samples.features["box"] == datasets.List(datasets.Value("float32"), length=4)


def test_the_card(corpus: Corpus, tmp_path: Path) -> None:
    export_hugging_face(corpus, tmp_path / "out")
    card = hub.DatasetCard.load(tmp_path / "out" / "README.md")
    values = card.data.to_dict()
    assert values["license"] == "cc-by-4.0"
    assert values["size_categories"] == ["1K<n<10K"]
    splits = {one["name"]: one["num_examples"] for one in values["dataset_info"]["splits"]}
    assert splits == dict(corpus.record.split_samples)
    assert sum(splits.values()) == 1797
    columns = {one["name"]: one.get("dtype") for one in values["dataset_info"]["features"]}
    assert columns["image"] == "image"
    assert columns["label"] == {"class_label": {"names": {str(i): str(i) for i in range(10)}}}


def test_on_the_command_line(corpus: Corpus, tmp_path: Path) -> None:
    command = [*COMMAND, "export", "hf", corpus.path.name, "-o", "out", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout)["samples"]) == (0, 1797)
    again = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert again.returncode == 2
    assert "holds something already" in again.stderr


def test_a_folder_that_holds_something_is_left_alone(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something"):
        export_hugging_face(corpus, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


# bundles


def test_a_bundle_in_a_folder(tmp_path: Path) -> None:
    shipped = Bundle.open()
    shipped.save_pretrained(tmp_path / "saved")
    saved = Bundle.from_pretrained(tmp_path / "saved")
    assert (saved.model_hash, saved.statistics_hash) == (shipped.model_hash, shipped.statistics_hash)
    assert set(saved.lines) == set(shipped.lines)
    head = (tmp_path / "saved" / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    assert yaml.safe_load(head)["library_name"] == "allograph"


LARGE = (".onnx", ".safetensors")
"""What the hub's own .gitattributes sends to Git LFS, with all that is larger than 10 MB."""


def is_large(path: str, size: int) -> bool:
    """Whether a file is kept by Git LFS."""
    return path.endswith(LARGE) or size > 10_000_000


class Hub(ThreadingHTTPServer):
    """The few operations of the hub that are used, on files in memory."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Operation)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        """What was uploaded by Git LFS, by its SHA-256."""
        self.verified: set[str] = set()
        self.refuses = False
        """Whether large files are turned away."""
        self.tokens: set[str | None] = set()
        self.unknown: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def store(self) -> str:
        """Where large files are: the hub keeps them on another host."""
        return f"http://localhost:{self.server_address[1]}/lfs"


class _Operation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = self.path.split("?")[0].strip("/").split("/")
        self.server.tokens.add(self.headers.get("authorization"))
        if parts == ["api", "repos", "create"]:
            name = "/".join(filter(None, (json.loads(body).get("organization") or "tester", json.loads(body)["name"])))
            known = name in self.server.repositories
            self.server.repositories.setdefault(name, {})
            self._answer(409 if known else 200, {"url": f"{self.server.url}/{name}", "name": name, "id": name})
        elif parts == ["api", "validate-yaml"]:
            self._answer(200, {"errors": [], "warnings": []})
        elif parts[:2] == ["api", "models"] and parts[4] == "preupload":
            files = json.loads(body)["files"]
            modes = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if is_large(one["path"], one["size"]) else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for one in files
            ]
            self._answer(200, {"files": modes})
        elif self.path.endswith(".git/info/lfs/objects/batch"):
            wanted = json.loads(body)
            assert (wanted["operation"], wanted["hash_algo"]) == ("upload", "sha256")
            self._answer(200, {"transfer": "basic", "objects": [self._to_upload(one) for one in wanted["objects"]]})
        elif parts == ["lfs", "verify"]:
            told = json.loads(body)
            assert len(self.server.large[told["oid"]]) == told["size"]
            self.server.verified.add(told["oid"])
            self._answer(200, {})
        elif parts[:2] == ["api", "models"] and parts[4] == "commit":
            files_of = self.server.repositories["/".join(parts[2:4])]
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    files_of[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                elif entry["key"] == "lfsFile":
                    files_of[entry["value"]["path"]] = self.server.large[entry["value"]["oid"]]
            url = f"{self.server.url}/{'/'.join(parts[2:4])}/commit/{self._commit(files_of)}"
            self._answer(200, {"commitUrl": url, "commitOid": self._commit(files_of), "success": True})
        else:
            self._answer_unknown()

    def do_PUT(self) -> None:
        """An upload to the place of large files, which is another server's and gets no token."""
        assert self.headers.get("authorization") is None
        content = self.rfile.read(int(self.headers["content-length"]))
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(content).hexdigest() == oid
        if self.server.refuses:
            self._answer(403, {"error": "no more room"})
            return
        self.server.large[oid] = content
        self._answer(200, {})

    def _to_upload(self, one: dict[str, Any]) -> dict[str, Any]:
        """What is to be done with a large file: nothing where it is there already."""
        if one["oid"] in self.server.large:
            return one
        actions = {"upload": {"href": f"{self.server.store}/{one['oid']}"}, "verify": {"href": f"{self.server.url}/lfs/verify"}}
        return {**one, "actions": actions}

    def do_GET(self) -> None:
        self._get(with_content=True)

    def do_HEAD(self) -> None:
        self._get(with_content=False)

    def _get(self, with_content: bool) -> None:
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[0] == "lfs":
            content = self.server.large[parts[1]]
            self._answer(200, content if with_content else None, {"ETag": f'"{parts[1]}"'}, len(content))
            return
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        files = self.server.repositories.get(name)
        if files is None:
            self._answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        commit = self._commit(files)
        if api and len(parts) in (4, 6) and (len(parts) == 4 or parts[4] == "revision"):
            if len(parts) == 6 and parts[5] not in ("main", commit):
                self._answer(404, {"error": "Revision not found"}, {"X-Error-Code": "RevisionNotFound"})
                return
            self._answer(200, {"id": name, "modelId": name, "sha": commit, "siblings": [{"rfilename": file} for file in files]})
        elif api and parts[4] == "tree":
            entries: list[dict[str, Any]] = []
            for file, content in files.items():
                entries.append({"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()})
                if is_large(file, len(content)):
                    oid = hashlib.sha256(content).hexdigest()
                    entries[-1]["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 130}
            self._answer(200, entries)
        elif len(parts) == 5 and parts[2] == "resolve" and parts[4] in files:
            content = files[parts[4]]
            if is_large(parts[4], len(content)):
                oid = hashlib.sha256(content).hexdigest()
                self.server.large[oid] = content
                linked = {"X-Linked-ETag": f'"{oid}"', "X-Linked-Size": str(len(content))}
                self._answer(302, None, {"X-Repo-Commit": commit, "Location": f"{self.server.store}/{oid}", **linked})
                return
            headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
            self._answer(200, content if with_content else None, headers, len(content))
        else:
            self._answer_unknown()

    def _commit(self, files: dict[str, bytes]) -> str:
        return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()

    def _answer_unknown(self) -> None:
        self.server.unknown.append(f"{self.command} {self.path}")
        self._answer(404, {"error": "not here"}, {"X-Error-Code": "EntryNotFound"})

    def _answer(self, status: int, value: Any, headers: dict[str, str] | None = None, length: int | None = None) -> None:
        content = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(content) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub.constants, "HF_HUB_DISABLE_XET", True)  # Git LFS, as without hf_xet
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_bundle_goes_to_the_hub_and_comes_back(served: Hub, tmp_path: Path) -> None:
    shipped = Bundle.open()
    address = shipped.push_to_hub("tester/hand", token="hf_secret", endpoint=served.url)
    assert served.unknown == []
    assert "/tester/hand/commit/" in address
    assert served.tokens == {"Bearer hf_secret"}
    files = served.repositories["tester/hand"]
    sums = {hashlib.sha256(content).hexdigest() for name, content in files.items() if name.endswith(LARGE)}
    assert len(sums) >= 3
    assert set(served.large) == served.verified == sums
    assert files[MODEL] == (shipped.path / MODEL).read_bytes()
    files["model.pkl"] = b"never fetched"
    back = Bundle.from_pretrained("tester/hand", endpoint=served.url)
    assert (back.model_hash, back.statistics_hash) == (shipped.model_hash, shipped.statistics_hash)
    assert not (back.path / "model.pkl").exists()
    assert Bundle.from_pretrained("tester/hand", revision="main", endpoint=served.url) == back
    shipped.push_to_hub("tester/hand", token="hf_secret", endpoint=served.url)  # it is there already


def test_what_the_hub_gives_is_checked(served: Hub) -> None:
    Bundle.open().push_to_hub("tester/hand", token="hf_secret", endpoint=served.url)
    served.repositories["tester/hand"][MODEL] = b"another model"
    with pytest.raises(FormatError, match="damaged or was exchanged"):
        Bundle.from_pretrained("tester/hand", endpoint=served.url)


def test_what_the_hub_has_not(served: Hub) -> None:
    with pytest.raises(InputError, match="tester/none"):
        Bundle.from_pretrained("tester/none", endpoint=served.url)
    served.repositories["tester/hand"] = {}
    with pytest.raises(InputError, match="at other"):
        Bundle.from_pretrained("tester/hand", revision="other", endpoint=served.url)
    with pytest.raises(InputError, match="OWNER/NAME"):
        Bundle.from_pretrained("a/b/c", endpoint=served.url)


def test_a_large_file_that_the_hub_turns_away(served: Hub) -> None:
    served.refuses = True
    with pytest.raises(ServiceError, match=r"tester/hand could not be written on the hub: Error while uploading") as caught:
        Bundle.open().push_to_hub("tester/hand", token="hf_secret", endpoint=served.url)
    assert caught.value.status == 403
    assert served.repositories["tester/hand"] == {}


def test_no_hub_there(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="could not be written"):
        Bundle.open().push_to_hub("tester/hand", token="hf_secret", endpoint="http://127.0.0.1:9")
