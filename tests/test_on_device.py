"""Reading on the device: what the page's worker answers is what the service answers, with and without a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from handwriting import Service, open_page, our_ink, problems_of, serving, varied

INK = our_ink()
CALL = """async ([call, ...values]) => {
    const device = await import("/static/js/on_device.js");
    return device[call](...values);
}"""


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all."""
    with serving(tmp_path_factory.mktemp("on_device") / "writers.db", "--rate", "100000") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile in which nothing was fetched yet; at the end: no error, and no violation of the content policy."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    problems = problems_of(context)
    yield context
    context.close()
    assert [problem for problem in problems if "ERR_INTERNET_DISCONNECTED" not in problem] == []


@pytest.fixture
def page(context: BrowserContext, service: Service) -> Page:
    """The page, with reading on the device switched on."""
    page = open_page(context, service.address)
    call(page, "switchOn")
    return page


def call(page: Page, name: str, *values: Any) -> Any:
    """Ask the page's client of the worker."""
    return page.evaluate(CALL, [name, *values])


def sample(shown: str, seed: int, **rest: Any) -> dict[str, Any]:
    """A character as the page sends it."""
    strokes = [[[round(x, 1), round(y, 1)] for x, y in stroke.tolist()] for stroke in varied(INK[shown], seed)]
    return {"ink": strokes, "device": "sheet", "baseline": 75.0, **rest}


def unsure(seed: int, **rest: Any) -> dict[str, Any]:
    """A g that is read as a 9 by who does not know the hand, for it does not say what it stands on."""
    return {"ink": sample("g", seed)["ink"], **rest}


def lessons(seed: int, labels: str, prefix: str = "c") -> list[dict[str, Any]]:
    """Corrections as the page sends them."""
    return [sample(label, seed + i, id=f"{prefix}{seed}-{i}", label=label) for i, label in enumerate(labels)]


def post(service: Service, writer: str, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the service."""
    answer = httpx.post(f"{service.address}/v1/writers/{writer}/{verb}", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def on_both(page: Page, service: Service, writer: str, samples: list[dict[str, Any]], **options: Any) -> tuple[Any, Any]:
    """The readings on the device, and the service's."""
    options = {"best": 100, **options}
    here = call(page, "read", writer, samples, options)
    return here, post(service, writer, "read", {"samples": samples, **options})["readings"]


def assert_same(here: list[dict[str, Any]], there: list[dict[str, Any]], within: float = 1e-4) -> None:
    """The same labels, and log-probabilities above 1e-4 within a tolerance."""
    assert len(here) == len(there)
    for one, other in zip(here, there, strict=True):
        assert {name: one[name] for name in ("label", "base", "personal")} == {
            name: other[name] for name in ("label", "base", "personal")
        }
        ours, theirs = ({part["label"]: part["probability"] for part in reading["best"]} for reading in (one, other))
        assert ours.keys() == theirs.keys()
        for label in ours:
            if max(ours[label], theirs[label]) > 1e-4:
                assert abs(math.log(ours[label] / theirs[label])) < within, label


def test_what_is_read_on_the_device_is_what_the_service_reads(page: Page, service: Service) -> None:
    writer = "same"
    samples = [sample(label, 900 + i, id=f"s{i}") for i, label in enumerate("agqzT0AE8?")]
    assert_same(*on_both(page, service, writer, samples[:1]))  # nothing taught
    taught = lessons(0, "gqz19aeoHs058BbRTt+&" * 3)
    own = sample("A", 77, id="own", label="Å", new=True)
    post(service, writer, "correct", {"corrections": [*taught[:30], own]})
    post(service, writer, "correct", {"corrections": taught[30:]})
    told = call(page, "refresh", writer)
    assert told["changed"]
    assert told["head"] > 0
    assert told["incarnation"]
    assert call(page, "refresh", writer)["changed"] is False
    for one in samples:
        assert_same(*on_both(page, service, writer, [one]))
    assert_same(*on_both(page, service, writer, samples))  # read beside one another
    assert_same(*on_both(page, service, writer, samples[:1], context=samples[1:]))
    assert_same(*on_both(page, service, writer, samples[:2], alphabet="digits", confidence=0.9))
    assert_same(*on_both(page, service, writer, samples[6:7], alphabet=["A", "Å", "a"]))
    assert_same(*on_both(page, service, writer, [{"ink": samples[0]["ink"]}]))
    assert_same(*on_both(page, service, writer, [{"image": rows(service, samples[0])}]))


def rows(service: Service, one: dict[str, Any]) -> list[list[int]]:
    """The image of a sample as the service keeps it with a correction, as rows of numbers."""
    from allograph.ink import ink_to_frame

    return [[int(grey) for grey in row] for row in ink_to_frame(one["ink"])]


def test_a_correction_is_known_at_the_next_reading_without_a_network(
    page: Page, context: BrowserContext, service: Service
) -> None:
    writer, again = "offline", unsure(7)
    asked: list[str] = []
    call(page, "read", writer, [again])
    context.set_offline(True)
    context.on("request", lambda request: asked.append(request.url))
    (before,) = call(page, "read", writer, [again], {"why": True})
    assert (before["label"], before["why"]["answerer"]) == ("9", "base")
    call(page, "learn", writer, [unsure(4, id="g1", label="g")])
    (after,) = call(page, "read", writer, [again], {"why": True})
    assert (after["label"], after["base"], after["why"]["answerer"]) == ("g", "9", "allograph")
    assert call(page, "undo", writer, "g1") is True
    assert call(page, "read", writer, [again], {"why": True}) == [before]
    call(page, "learn", writer, [unsure(4, id="g2", label="g")])
    assert asked == []
    assert call(page, "refresh", writer)["changed"] is False  # the service does not answer: what is known stays
    assert call(page, "read", writer, [again])[0]["label"] == "g"
    context.set_offline(False)


@pytest.mark.slow
def test_what_was_learned_outlasts_the_page(page: Page, context: BrowserContext, service: Service) -> None:
    call(page, "learn", "lasting", [unsure(4, id="g1", label="g")])
    page.close()
    other = open_page(context, service.address)
    fetched: list[str] = []
    context.on("request", lambda request: fetched.append(request.url))
    assert call(other, "isOn")
    assert call(other, "read", "lasting", [unsure(7)])[0]["label"] == "g"
    assert [url for url in fetched if "/v1/bundle/" in url or url.endswith(".wasm")] == []
    assert call(other, "undo", "lasting", "g1") is True
    assert call(other, "read", "lasting", [unsure(7)])[0]["label"] == "9"


@pytest.mark.slow
def test_the_device_and_the_service_learn_the_same(page: Page, service: Service) -> None:
    writer, taught = "learners", lessons(40, "gq9zaT1l0o")
    samples = [sample(label, 950 + i) for i, label in enumerate("gq9zaT1l0oAe")]
    for one in taught:
        call(page, "learn", writer, [one])
        post(service, writer, "correct", {"corrections": [one]})
    assert_same(*on_both(page, service, writer, samples), within=2e-3)
    assert call(page, "refresh", writer, {"pending": True})["changed"] is False
    assert call(page, "refresh", writer)["changed"]
    assert_same(*on_both(page, service, writer, samples))
    assert call(page, "undo", writer, taught[0]["id"]) is False  # it came with the service's state
    post(service, writer, "undo", {"id": taught[0]["id"]})
    assert call(page, "refresh", writer)["changed"]
    assert_same(*on_both(page, service, writer, samples))


@pytest.mark.slow
def test_a_restricted_reading_and_another_label_are_learned_as_the_service_does(page: Page, service: Service) -> None:
    writer, samples = "restricted", [sample(label, 970 + i) for i, label in enumerate("gq9zoA")]
    rounds = [
        [sample("9", 1, id="a", label="9", alphabet="digits"), sample("z", 2, id="b", label="2", alphabet="digits")],
        [{"id": "b", "label": "7"}],  # another label for what is known already
        [sample("z", 3, id="c", label="z")],
    ]
    for corrections in rounds:
        call(page, "learn", writer, corrections)
        post(service, writer, "correct", {"corrections": corrections})
        assert_same(*on_both(page, service, writer, samples), within=2e-3)
    refused = page.evaluate(
        """async (lesson) => {
            const device = await import("/static/js/on_device.js");
            return device.learn("restricted", [lesson]).catch((error) => error.message);
        }""",
        sample("A", 4, id="d", label="A", alphabet="digits"),
    )
    assert "not in the alphabet that was offered" in refused


@pytest.mark.slow
def test_windows_keep_in_step(page: Page, context: BrowserContext, service: Service) -> None:
    other = open_page(context, service.address)
    assert call(other, "read", "two", [unsure(7)])[0]["label"] == "9"
    call(page, "learn", "two", [unsure(4, id="g1", label="g")])
    assert soon(other, "two", "g")
    call(other, "forget", "two")
    assert soon(page, "two", "9")
    call(page, "learn", "two", [unsure(3, id="g2", label="g")])  # nothing of before comes back with it
    assert call(page, "undo", "two", "g1") is False


def soon(page: Page, writer: str, label: str) -> bool:
    """Whether a g is read so within two seconds."""
    for _ in range(20):
        if call(page, "read", writer, [unsure(7)])[0]["label"] == label:
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.slow
def test_another_model_of_the_service_is_noticed(page: Page, context: BrowserContext, service: Service) -> None:
    loaded: list[str] = []

    def pretend(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "model_hash": "0" * 64})

    call(page, "learn", "renewed", [unsure(4, id="g1", label="g")])
    context.route("**/v1/bundle", pretend)
    context.on("request", lambda request: loaded.append(request.url))
    told = call(page, "refresh", "renewed")  # what was learned with the old model is not taken over
    assert told["changed"] is False
    assert call(page, "read", "renewed", [unsure(7)])[0]["label"] == "9"
    assert len([url for url in loaded if url.endswith("/v1/bundle")]) == 3
    context.unroute("**/v1/bundle")


@pytest.mark.slow
def test_erased_means_erased(page: Page, context: BrowserContext, service: Service) -> None:
    writer = "erased"
    post(service, writer, "correct", {"corrections": [unsure(4, id="g1", label="g")]})
    call(page, "refresh", writer)
    call(page, "learn", writer, [sample("q", 4, id="q1", label="q")])
    assert call(page, "read", writer, [unsure(7)])[0]["label"] == "g"
    call(page, "forget", writer)
    assert call(page, "read", writer, [unsure(7)])[0]["label"] == "9"
    call(page, "refresh", writer)
    assert call(page, "read", writer, [unsure(7)])[0]["label"] == "g"
    httpx.delete(f"{service.address}/v1/writers/{writer}")
    told = call(page, "refresh", writer)  # erased elsewhere
    assert (told["changed"], told["head"], told["incarnation"]) == (True, 0, None)
    assert call(page, "read", writer, [unsure(7)])[0]["label"] == "9"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert call(page, "read", writer, [unsure(7)])[0]["label"] == "9"


@pytest.mark.slow
def test_it_is_fetched_when_it_is_switched_on_and_leaves_when_it_is_switched_off(
    context: BrowserContext, service: Service
) -> None:
    fetched: list[str] = []
    context.on("request", lambda request: fetched.append(request.url))
    page = open_page(context, service.address)
    page.wait_for_load_state("networkidle")
    heavy = [url for url in fetched if any(part in url for part in ("/v1/bundle", "onnxruntime", "/allograph/", "/on_device/"))]
    assert heavy == []
    assert call(page, "isOn") is False
    refused = page.evaluate(
        "async () => (await import('/static/js/on_device.js')).read('nobody', []).catch((error) => error.message)"
    )
    assert "switched off" in refused
    told = page.evaluate(
        """async () => {
            const told = [];
            await (await import("/static/js/on_device.js")).switchOn((progress) => told.push(progress));
            return told;
        }"""
    )
    assert told[-1]["loaded"] == told[-1]["total"] > 6_000_000
    assert len(told) > 3
    assert all(url.startswith(service.address) for url in fetched)
    call(page, "learn", "leaving", [unsure(4, id="g1", label="g")])
    call(page, "switchOff")
    assert call(page, "isOn") is False
    assert page.evaluate("() => caches.has('allograph-on-device')") is False
    call(page, "switchOn")
    assert call(page, "read", "leaving", [unsure(7)])[0]["label"] == "9"


def test_what_cannot_be_read_is_told_as_the_service_tells_it(page: Page) -> None:
    def problem(*values: Any) -> list[str]:
        found: list[str] = page.evaluate(
            """async ([call, ...values]) => {
                const device = await import("/static/js/on_device.js");
                return device[call](...values).then(() => [], (error) => [error.name, error.message]);
            }""",
            list(values),
        )
        return found

    assert problem("read", "ana", [{"ink": []}])[0] == "ImageError"
    assert problem("read", "ana", [{}])[0] == "InputError"
    assert problem("read", "ana", [sample("a", 1)], {"alphabet": "runes"})[0] == "InputError"
    assert problem("learn", "ana", [sample("a", 1, id="1", label="ω")])[0] == "UnknownLabel"
    assert problem("learn", "ana", [sample("a", 1, id="1", label="ω", new=True)]) == []
    assert call(page, "read", "ana", [sample("a", 1)])[0]["label"] == "ω"


def test_a_file_that_comes_damaged_is_not_used_and_not_kept(context: BrowserContext, service: Service) -> None:
    page = open_page(context, service.address)

    def damage(route: Any) -> None:
        answer = route.fetch()
        body = bytearray(answer.body())
        body[len(body) // 2] ^= 1
        route.fulfill(response=answer, body=bytes(body))

    context.route("**/v1/bundle/model.onnx*", damage)
    switch = "async () => (await import('/static/js/on_device.js')).switchOn().then(() => 'on', (error) => error.message)"
    assert "model.onnx came damaged" in page.evaluate(switch)
    assert call(page, "isOn") is False
    context.unroute("**/v1/bundle/model.onnx*")
    assert page.evaluate(switch) == "on"
