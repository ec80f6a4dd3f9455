"""The page's files over HTTP: compressed, asked for anew, of the right kind, and only the worker compiles WebAssembly."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from allograph.server import page_files
from served import client, problem

PAGE = page_files.PAGE
FILES = sorted(str(path.relative_to(PAGE)) for path in PAGE.rglob("*") if path.is_file())
WASM = "'wasm-unsafe-eval'"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with client() as found:
        yield found


@pytest.fixture
def small_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, httpx.Client]]:
    """A page of a few files, and its client."""
    for name, content in {
        "index.html": "<p>" * 500,
        "a.js": "let a = 1;",
        "b.mjs": "let b;",
        "c.wasm": "wasm",
        "d.bin": "d",
    }.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(page_files, "PAGE", tmp_path)
    with client() as found:
        yield tmp_path, found


def raw(http: httpx.Client, path: str, encodings: str) -> tuple[httpx.Headers, bytes]:
    """An answer's headers, and its bytes as they were sent."""
    with http.stream("GET", path, headers={"accept-encoding": encodings}) as answer:
        assert answer.status_code == 200
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize("name", FILES)
def test_every_file_comes_as_it_is_and_compressed_where_that_is_taken(name: str, http: httpx.Client) -> None:
    content = (PAGE / name).read_bytes()
    headers, plain = raw(http, f"/static/{name}", "identity")
    assert plain == content
    assert "content-encoding" not in headers
    packed_headers, packed = raw(http, f"/static/{name}", "gzip, br")
    kind = Path(name).suffix in page_files.TEXTS
    assert (packed_headers.get("content-encoding") == "gzip") is kind
    assert (gzip.decompress(packed) if kind else packed) == content
    for one in (headers, packed_headers):
        assert one["cache-control"] == "no-cache"
        assert one["vary"] == "Accept-Encoding"
        assert one["x-content-type-options"] == "nosniff"
    again = http.get(f"/static/{name}", headers={"if-none-match": headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_itself_is_compressed_and_asked_for_anew(http: httpx.Client) -> None:
    for address, name in page_files.AT_ROOT.items():
        headers, packed = raw(http, address, "gzip")
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed) == (PAGE / name).read_bytes()
        assert http.get(address, headers={"if-none-match": headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    ("encodings", "is_packed"),
    [
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("*", True),
        ("br, *;q=0", False),
        ("gzip;q=0", False),
        ("", False),
        ("gzip;q=x", False),
    ],
)
def test_nobody_gets_gzip_who_does_not_take_it(encodings: str, is_packed: bool, http: httpx.Client) -> None:
    assert ("content-encoding" in raw(http, "/", encodings)[0]) is is_packed


def test_the_kinds_do_not_depend_on_the_machine(small_page: tuple[Path, httpx.Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimetypes.guess_type", lambda *_, **__: ("text/plain", None))
    kinds = {name: small_page[1].get(f"/static/{name}").headers["content-type"] for name in ("a.js", "b.mjs", "c.wasm", "d.bin")}
    script = "text/javascript; charset=utf-8"
    assert kinds == {"a.js": script, "b.mjs": script, "c.wasm": "application/wasm", "d.bin": "application/octet-stream"}


def test_a_changed_file_is_never_stale(small_page: tuple[Path, httpx.Client]) -> None:
    folder, http = small_page
    first = http.get("/static/a.js")
    (folder / "a.js").write_text("let a = 2;")
    second = http.get("/static/a.js", headers={"if-none-match": first.headers["etag"]})
    assert (second.status_code, second.text) == (200, "let a = 2;")
    status = (folder / "a.js").stat()
    (folder / "a.js").write_text("let a = 3;")  # another release: the same length, and by chance the same time
    os.utime(folder / "a.js", ns=(status.st_atime_ns, status.st_mtime_ns))
    with client() as upgraded:
        third = upgraded.get("/static/a.js", headers={"if-none-match": second.headers["etag"]})
        assert (third.status_code, third.text) == (200, "let a = 3;")


@pytest.mark.parametrize("path", ["/static/", "/static/js", "/static/none.js", "/static/..%2fapp.py", "/static/%2e%2e/errors.py"])
def test_what_is_no_file_of_the_page_is_a_problem(path: str, http: httpx.Client) -> None:
    problem(http.get(path), 404)


def test_a_missing_file_at_the_root_is_a_problem(small_page: tuple[Path, httpx.Client]) -> None:
    problem(small_page[1].get("/sw.js"), 404)
    problem(small_page[1].post("/static/a.js", json={}), 405)
    assert small_page[1].head("/static/a.js").status_code == 200


def test_the_worker_alone_may_compile_webassembly(http: httpx.Client) -> None:
    plain = http.get("/").headers["content-security-policy"]
    assert WASM not in plain
    assert "unsafe" not in plain
    for name in FILES:
        policy = http.get(f"/static/{name}").headers["content-security-policy"]
        expected = plain.replace("script-src 'self'", f"script-src 'self' {WASM}") if name == "js/allograph/worker.js" else plain
        assert policy == expected
    for other in ("/static/js/allograph//worker.js", "/v1/live", "/sw.js"):
        assert WASM not in http.get(other).headers["content-security-policy"]
