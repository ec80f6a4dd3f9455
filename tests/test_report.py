"""The report: whole, safe for every label, legible, and never in place of somebody's files."""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from numpy.typing import NDArray
from PIL import Image

from allograph.adapters.paper import PaperAdapter
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle, BundleConfig
from allograph.corpora.text_column import TextColumn
from allograph.embedding import EmbeddedSamples
from allograph.errors import InputError
from allograph.evaluation.measures.figures import Figures, figures
from allograph.evaluation.protocols.answers import MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.curve import Curve
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.writer_samples import samples_by_writer
from allograph.evaluation.report.content import MOST_CONFUSED
from allograph.evaluation.report.corpus_tables import corpus_facts, table_1, table_2
from allograph.evaluation.report.line_plots import COLOUR_NAMES, Line, lines_plot
from allograph.evaluation.report.method_tables import duels_table, quality_table, table_3
from allograph.evaluation.report.plots import COLOURS, WIDTHS, gain_plot, methods_plot
from allograph.evaluation.report.progress_tables import progress_tables
from allograph.evaluation.report.report_folder import check_folder, write_report
from allograph.evaluation.report.results import read_results, results, run_as_dict
from allograph.evaluation.report.wording import headline, protocol_in_words
from allograph.evaluation.runs import Run, Setup
from allograph.styles import Styles

pytest.importorskip("matplotlib", reason="the research extra is not installed")
pytest.importorskip("jinja2", reason="the research extra is not installed")

ASCII = [chr(point) for point in range(33, 127)]
SIZE = 16
FILES = ["report.html", "report.md", "results.json"]


def made_bundle(alphabet: Alphabet, styles: int = 2) -> Bundle:
    """A bundle with random styles, whose medoids are random pictures."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(alphabet), dtype=np.int32), styles)
    centroids = random.normal(size=(len(labels), SIZE)).astype(np.float32)
    medoids = random.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    config = BundleConfig(Alphabet(alphabet), "mnist", SIZE, "5e" * 32)
    return Bundle(Path("elsewhere/my model"), config, Styles(centroids, labels, medoids) if styles else None, {})


def made_samples(alphabet: Alphabet, writers: int, each: int = 120) -> EmbeddedSamples:
    """Writers with habits of their own, so that the base, which reads by the common centres, errs and can be helped."""
    random = np.random.default_rng(1)
    centres = random.normal(size=(len(alphabet), SIZE))
    count = writers * each
    labels = random.integers(0, len(alphabet), count)
    habits = centres + random.normal(scale=0.9, size=(writers, *centres.shape))
    owners = np.repeat(np.arange(writers), each)
    points = habits[owners, labels] + random.normal(scale=0.1, size=(count, SIZE))
    logits = 2 * points @ centres.T - (centres**2).sum(axis=1)
    ids = np.array([f"w{owner:03d}" for owner in owners])
    images = np.ones((count, 28, 28), np.uint8)
    names = np.array(alphabet.labels)[labels]
    return EmbeddedSamples(points.astype(np.float32), logits.astype(np.float32), names, ids, None, np.arange(count), images)


def report_of(folder: Path, replayed: list[WriterAnswers], bundle: Bundle, protocol: Resample | None = None) -> dict[str, Any]:
    """Write a report on these answers; returns what `results.json` was given."""
    protocol = protocol or Resample()
    run = Run.of(protocol, replayed, bundle.alphabet)
    labels = TextColumn.of([bundle.alphabet[label] for writer in replayed for label in writer.true])
    owners = TextColumn.of([writer.writer for writer in replayed for _ in writer.true])
    facts = corpus_facts(labels, owners, TextColumn.of(["application"] * len(labels)))
    tables = [table_1(facts, "nist"), table_2(facts, "nist"), table_3(run.figures, "nist", protocol.feedback)]
    record = results("corpus.parquet", bundle.model_hash, [run_as_dict(run)], facts)
    path = write_report(folder, Setup("corpus.parquet", bundle, protocol), [run], tables, record)
    assert path == folder / "report.html"
    return record


@pytest.fixture(scope="module")
def judged() -> tuple[Bundle, list[WriterAnswers]]:
    """The paper's method on twelve made-up writers."""
    alphabet = Alphabet("abcdefgh")
    bundle = made_bundle(alphabet)
    writers = samples_by_writer(made_samples(alphabet, 12))
    adapters = {"paper": PaperAdapter.of(bundle)}
    return bundle, replay_writers(writers, alphabet, adapters, Resample(resamples=2), jobs=1)


def chain(alphabet: Alphabet) -> list[WriterAnswers]:
    """One writer for each label, named like it, who writes it and is read as the next by the base, half as often adapted."""
    replayed = []
    for i, label in enumerate(alphabet):
        true = np.full(4, i, np.int32)
        wrong = np.full(4, (i + 1) % len(alphabet), np.int32)
        adapted = np.array([wrong[0], wrong[0], i, i], np.int32)
        replayed.append(WriterAnswers(label, np.arange(4), true, wrong, {"paper": MethodAnswers(adapted, None, 0.0)}))
    return replayed


class Page(HTMLParser):
    """What a browser would make of the page: rows of its tables, attributes, texts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._cell = False
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.rows[-1][-1] = self.rows[-1][-1].strip()
            self._cell = False

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._cell:
            self.rows[-1][-1] += data

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]


def markdown_rows(path: Path) -> list[list[str]]:
    """The rows of all tables as a Markdown reader sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8")):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and token.level >= 4 and rows:
            children = token.children or []
            assert all(child.type in ("text", "text_special") for child in children), f"{token.content} is markup"
            rows[-1].append("".join(child.content for child in children))
    return rows


def test_a_report_is_three_files_and_the_results_as_given(tmp_path: Path, judged: tuple[Bundle, list[WriterAnswers]]) -> None:
    bundle, replayed = judged
    record = report_of(tmp_path / "report", replayed, bundle)
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == FILES
    assert read_results(tmp_path / "report" / "results.json") == json.loads(json.dumps(record))
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_headline_protocol_and_tables_are_in_both(tmp_path: Path, judged: tuple[Bundle, list[WriterAnswers]]) -> None:
    bundle, replayed = judged
    report_of(tmp_path / "report", replayed, bundle, Resample(resamples=2))
    found = figures(replayed)
    page = Page(tmp_path / "report" / "report.html")
    method = found.methods["paper"]
    assert f"{100 * found.base:.2f}\N{NO-BREAK SPACE}%" in page.source
    assert protocol_in_words(Resample(resamples=2)).replace(" %", "\N{NO-BREAK SPACE}%") in "".join(page.texts).replace(
        "&#39;", "'"
    )
    rows = markdown_rows(tmp_path / "report" / "report.md")
    for row in (["Accuracy", f"{100 * method.accuracy:.2f} %", "89.60 %"], ["Writers", "12", "3,596"]):
        assert row in rows
        assert [cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in row] in page.rows
    assert ["Better / equal / worse", f"{method.better} / {method.equal} / {method.worse}", "167 / 9 / 24"] in page.rows


def test_all_94_labels_survive_html_and_markdown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allograph.evaluation.report.content.MOST_CONFUSED", 94)
    alphabet = Alphabet(ASCII)
    report_of(tmp_path / "report", chain(alphabet), made_bundle(alphabet))
    page = Page(tmp_path / "report" / "report.html")
    in_markdown = markdown_rows(tmp_path / "report" / "report.md")
    for i, label in enumerate(ASCII):
        pair = [label, ASCII[(i + 1) % 94], "4", "2"]
        writer = [label, "4", "0.00 %", "50.00 % (+50.00)"]
        assert pair in page.rows
        assert pair in in_markdown
        assert [cell.replace(" %", "\N{NO-BREAK SPACE}%") for cell in writer] in page.rows
        assert writer in in_markdown
    assert page.values("alt") == [f"The 2 styles of the label {label}" for label in ASCII]
    assert all(label in page.texts for label in ASCII)


def test_a_space_is_shown_and_long_or_foreign_labels_stay_whole(tmp_path: Path) -> None:
    alphabet = Alphabet([" ", "ffi", "א", "漢"])
    report_of(tmp_path / "report", chain(alphabet), made_bundle(alphabet))
    page = Page(tmp_path / "report" / "report.html")
    assert ["␣", "ffi", "4", "2"] in page.rows
    assert ["א", "漢", "4", "2"] in page.rows
    assert ["␣", "ffi", "4", "2"] in markdown_rows(tmp_path / "report" / "report.md")
    assert {"space", "cjk unified ideograph-6f22"} <= set(page.values("title"))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>', "$x^2$", "url(#x)&amp;", "#1c1b19"])
def test_hostile_writers_are_but_text(tmp_path: Path, name: str) -> None:
    alphabet = Alphabet("ab")
    (one, other) = chain(alphabet)
    report_of(tmp_path / "report", [replace(one, writer=name), other], made_bundle(alphabet))
    page = Page(tmp_path / "report" / "report.html")
    assert not {"script", "iframe"} & {tag for tag, _ in page.tags}
    assert all(source.startswith("data:image/png;base64,") for source in page.values("src"))
    assert name in [row[0] for row in page.rows if row]
    short = name if len(name) <= 14 else f"{name[:13]}…"
    assert page.texts.count(short) >= len(WIDTHS)
    assert name in [row[0] for row in markdown_rows(tmp_path / "report" / "report.md")]


def test_the_page_needs_nothing_else_and_its_ids_are_its_own(tmp_path: Path, judged: tuple[Bundle, list[WriterAnswers]]) -> None:
    bundle, replayed = judged
    report_of(tmp_path / "report", replayed, bundle)
    page = Page(tmp_path / "report" / "report.html")
    assert not {"script", "object", "embed", "iframe", "base"} & {tag for tag, _ in page.tags}
    targets = page.values("href") + page.values("src")
    assert all(target.startswith(("#", "data:")) or target in FILES for target in targets)
    assert "http" not in re.sub(r'http-equiv|base64,[^"]*', "", page.source)
    assert not re.search(r"@import|url\((?!#)", page.source)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    wanted = {target[1:] for target in targets if target.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", page.source))
    assert wanted <= set(ids)
    assert len(page.values("viewbox")) == 3 * len(WIDTHS)  # gains, risk and coverage, reliability


def test_the_same_answers_give_the_same_bytes(tmp_path: Path, judged: tuple[Bundle, list[WriterAnswers]]) -> None:
    bundle, replayed = judged
    report_of(tmp_path / "one", replayed, bundle)
    report_of(tmp_path / "two", replayed, bundle)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_writer_has_a_bar_on_its_side_of_zero(width: int) -> None:
    right = [3] * 200 + [1] * 100 + [0] * 39
    replayed = [
        WriterAnswers(
            f"w{i}", np.arange(4), np.zeros(4, np.int32), np.array([0, 1, 1, 1], np.int32),
            {"paper": MethodAnswers(np.array([0] * count + [1] * (4 - count), np.int32), None, 0.0)},
        )
        for i, count in enumerate(right)
    ]  # fmt: skip
    svg = gain_plot(figures(replayed), "paper", width)
    for colour, count in (("better", 200), ("soft", 100), ("worse", 39)):
        (path,) = re.findall(rf'<path d="([^"]*)"[^>]*style="fill: var\(--{colour}\)"', svg)
        assert path.count("M") == count
    assert "339 writers, from the most helped to the most harmed" in svg
    assert "all samples +26.62" in svg


def test_every_colour_of_a_plot_is_the_page_s() -> None:
    found = of_right(6, 8, ("paper", "lookup"))
    for svg in (gain_plot(found, "paper", WIDTHS[0]), methods_plot(found, WIDTHS[0])):
        colours = re.findall(r"(?:fill|stroke): ([^;\"]+)", svg)
        assert len(colours) > 5
        assert {re.sub(r"var\(--\w+\)", "the page's", colour) for colour in colours} <= {"the page's", "none"}


def contrast(one: str, other: str) -> float:
    """WCAG 2: the ratio of two colours' luminances."""

    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["ink", "soft", "better", "worse", *COLOUR_NAMES])
@pytest.mark.parametrize("ground", ["paper", "band"])
def test_contrast_is_aa(mode: int, text: str, ground: str) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast(COLOURS[text][mode], COLOURS[ground][mode]) >= 4.5


def pictures(page: Page) -> list[NDArray[np.uint8]]:
    """The sheets of the gallery, grey and alpha [h, w, 2]."""
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("LA"))
        for source in page.values("src")
    ]


def test_the_gallery_shows_every_medoid(tmp_path: Path) -> None:
    alphabet = Alphabet("ab")
    bundle = made_bundle(alphabet, styles=7)
    report_of(tmp_path / "report", chain(alphabet), bundle)
    sheets = pictures(Page(tmp_path / "report" / "report.html"))
    assert bundle.styles is not None
    assert [sheet.shape for sheet in sheets] == [(57, 144, 2)] * 2
    shown = [sheet[top : top + 28, left : left + 28] for sheet in sheets for top in (0, 29) for left in range(0, 144, 29)]
    shown = [tile for tile in shown if tile[..., 1].all()]
    assert len(shown) == 14
    for tile, medoid in zip(shown, bundle.styles.medoids, strict=True):
        assert np.abs(tile[..., 0].astype(int) - medoid).max() <= 10  # 15 greys
    assert not sheets[0][28, :, 1].any()


def test_styles_of_untested_labels_are_folded_away(tmp_path: Path) -> None:
    alphabet = Alphabet("abcd")
    report_of(tmp_path / "report", chain(Alphabet("ab")), made_bundle(alphabet))
    source = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    folded = source.index("2 labels that the model knows and this test does not hold")
    assert source.index("styles of the label b") < folded < source.index("styles of the label c")


def test_a_bundle_without_styles_has_no_gallery(tmp_path: Path) -> None:
    alphabet = Alphabet("ab")
    report_of(tmp_path / "report", chain(alphabet), made_bundle(alphabet, styles=0))
    page = Page(tmp_path / "report" / "report.html")
    assert "styles" not in page.values("id")
    assert "#styles" not in page.values("href")
    assert "img" not in {tag for tag, _ in page.tags}


def test_an_older_report_is_replaced(tmp_path: Path) -> None:
    alphabet = Alphabet("ab")
    (tmp_path / "report").mkdir()
    report_of(tmp_path / "report", chain(alphabet), made_bundle(alphabet))
    before = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    check_folder(tmp_path / "report")
    report_of(tmp_path / "report", chain(alphabet)[:1], made_bundle(alphabet))
    assert (tmp_path / "report" / "report.html").read_text(encoding="utf-8") != before


@pytest.mark.parametrize("held", [["thesis.tex"], ["report.md"], [*FILES, "notes.txt"]])
def test_somebody_s_files_are_never_replaced(tmp_path: Path, held: list[str]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in held:
        (folder / name).write_text("mine")
    alphabet = Alphabet("ab")
    with pytest.raises(InputError, match=rf"mine holds {sorted(held)[0]}.*is no report"):
        report_of(folder, chain(alphabet), made_bundle(alphabet))
    assert sorted(path.name for path in folder.iterdir()) == sorted(held)
    assert all((folder / name).read_text() == "mine" for name in held)


def of_right(base: int, method: int, methods: tuple[str, ...] = ("paper",)) -> Figures:
    """Figures of one writer with ten samples, of which so many were read right."""
    answers = {
        name: MethodAnswers(np.array([0] * (method - i) + [1] * (10 - method + i), np.int32), None, 0.0)
        for i, name in enumerate(methods)
    }
    said = np.array([0] * base + [1] * (10 - base), np.int32)
    return figures([WriterAnswers("w", np.arange(10), np.zeros(10, np.int32), said, answers)])


def test_headlines() -> None:
    assert headline(of_right(6, 8)) == (
        "Adapted to each writer by “paper”, the model reads 80.00 % right instead of 60.00 %: 50.0 % fewer errors "
        "(95 % interval of the cut 50.0 % … 50.0 %), over 1 writer and 10 test samples."
    )
    assert "25.0 % more errors (95 % interval of the cut -25.0 % … -25.0 %)" in headline(of_right(6, 5))
    assert "the base makes no errors that could be removed" in headline(of_right(10, 9))
    assert "by the best of 2 methods, “paper”," in headline(of_right(6, 8, ("paper", "lookup")))


def test_methods_are_compared_where_there_are_several(tmp_path: Path) -> None:
    bundle = made_bundle(Alphabet("ab"))
    said = np.array([0, 0, 1, 1], np.int32)
    labels = {"one": [0, 0, 0, 1], "two": [0, 1, 1, 1]}
    methods = {name: MethodAnswers(np.array(answers, np.int32), None, 0.0) for name, answers in labels.items()}
    replayed = [WriterAnswers(f"w{i}", np.arange(4), np.zeros(4, np.int32), said, methods) for i in range(3)]
    report_of(tmp_path / "report", replayed, bundle)
    page = Page(tmp_path / "report" / "report.html")
    assert len(page.values("viewbox")) == 3 * len(WIDTHS)  # the comparison, and each method's gains
    assert page.texts.count("50.0 %") == page.texts.count("−50.0 %") == len(WIDTHS)
    assert ["a", "b", "6", "3", "9"] in page.rows
    ids, used = page.values("id"), [attributes["href"][1:] for tag, attributes in page.tags if tag == "use"]
    assert len(ids) == len(set(ids))
    assert set(used) <= set(ids)
    assert len(used) == 2 * len(WIDTHS)
    report_of(tmp_path / "again", replayed, bundle)
    assert (tmp_path / "again" / "report.html").read_text(encoding="utf-8") == page.source
    assert ["all pairs", "6", "3", "9"] in page.rows


@pytest.mark.parametrize("plan", [Sequential(), Curve(resamples=2)], ids=["sequential", "curve"])
def test_protocols_that_follow_a_writer_show_how_accuracy_grows(tmp_path: Path, plan: Sequential | Curve) -> None:
    alphabet = Alphabet("abcdefgh")
    bundle = made_bundle(alphabet)
    adapters = {"paper": PaperAdapter.of(bundle), "raw": replace(PaperAdapter.of(bundle), z_score=False)}
    writers = samples_by_writer(made_samples(alphabet, 3))
    points = [run for run in plan.runs() if isinstance(run, Sequential) or run.corrections != 300]
    runs = [Run.of(run, replay_writers(writers, alphabet, adapters, run), alphabet) for run in points]
    tables = [*progress_tables(runs), quality_table(runs[-1]), duels_table(runs[-1])]
    record = results("corpus.parquet", bundle.model_hash, [run_as_dict(run) for run in runs], {})
    write_report(tmp_path / "report", Setup("corpus.parquet", bundle, plan), runs, tables, record)
    page = Page(tmp_path / "report" / "report.html")
    in_markdown = markdown_rows(tmp_path / "report" / "report.md")
    for table in tables:
        for row in table.rows:
            assert [*row] in [[cell.strip() for cell in found] for found in in_markdown]
    charts = 3 if isinstance(plan, Sequential) else 2
    assert len(page.values("viewbox")) == len(WIDTHS) * (charts + 2 + 1 + 2)  # these, sureness, methods, gains
    assert {"progress", "sureness"} <= set(page.values("id"))
    assert page.texts.count("base") >= len(WIDTHS) * (charts + 2)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    colours = re.findall(r"(?:fill|stroke): ([^;\"]+)", page.source)
    assert {re.sub(r"var\(--[\w-]+\)", "the page's", colour) for colour in colours} <= {"the page's", "none"}
    (command,) = [text for text in page.texts if text.startswith("allograph evaluate")]
    assert f"--protocol {plan.as_dict()['name']}" in command
    assert protocol_in_words(plan).split(":")[0].replace(" %", "\N{NO-BREAK SPACE}%") in "".join(page.texts)


@pytest.mark.parametrize("count", [1, 6, 7, 18])
def test_every_line_of_a_chart_looks_like_no_other(count: int) -> None:
    lines = [Line(f"${i}$", (0.0, 1.0), (50.0 + i, 60.0 + i)) for i in range(count)]
    svg = lines_plot([Line("base", (0, 1), (50, 50), control=True), *lines], WIDTHS[1], "chart", "corrections")
    styles = re.findall(r'style="(fill: none; [^"]*var\(--(?:line-\d|ink)\)[^"]*)"', svg)
    assert len(styles) == 2 * len(set(styles)) == 2 * (count + 1)  # in the chart and in its legend
    assert all(f">{line.name}<" in svg for line in lines)


def test_only_the_most_confused_pairs_are_listed(tmp_path: Path) -> None:
    alphabet = Alphabet(ASCII)
    report_of(tmp_path / "report", chain(alphabet), made_bundle(alphabet))
    rows = Page(tmp_path / "report" / "report.html").rows
    assert len([row for row in rows if row[2:] == ["4", "2"]]) == MOST_CONFUSED
    assert ["all pairs", str(4 * 94), str(2 * 94)] in rows


def test_protocols_in_words() -> None:
    assert protocol_in_words(Resample(adaptation=0.2, feedback="all", shuffle=True)) == (
        "Each writer's samples were split at random, 10 times, from an empty profile: 20 % of each label to learn from, the rest "
        "to be read, in random order. After each answer the true label was revealed and learned (feedback all), as in the paper."
    )

    assert protocol_in_words(Resample(adaptation=0.75, in_order=True, alphabet="digits")) == (
        "The first 75 % of each writer's samples, in order of time, were learned, from an empty profile, and the rest read. What "
        "was learned stayed frozen during the test (feedback none). Only the labels of the alphabet “digits” were on offer."
    )
    assert "(feedback silence). Where silence counts, 25 % of the mistakes were missed." in protocol_in_words(
        Sequential("silence", missed=0.25)
    )


def test_the_command_names_the_protocol(tmp_path: Path) -> None:
    alphabet = Alphabet("ab")
    report_of(tmp_path / "report", chain(alphabet), made_bundle(alphabet), Resample(per_label=2, seed=7, shuffle=True))
    (command,) = [text for text in Page(tmp_path / "report" / "report.html").texts if text.startswith("allograph evaluate")]
    assert shlex.split(command)[1:] == [
        "evaluate", "corpus.parquet", "--model", "my model", "--method", "paper", "--per-label", "2", "--resamples", "10",
        "--feedback", "none", "--shuffle", "--seed", "7",
    ]  # fmt: skip
    assert f"\n{command}\n" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
