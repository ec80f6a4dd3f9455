"""InkML in and out: channels, differences, groups, views, namespaces, encodings, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allograph
from allograph.cli.main import _run
from allograph.corpora import LabelledLine, LineCorpus, prepare, prepare_lines
from allograph.corpora.inkml import InkmlSource, Written, write_inkml
from allograph.corpora.inkml.channels import TraceFormat
from allograph.corpora.inkml.document import read_document
from allograph.corpora.inkml.files import labelled_groups
from allograph.corpora.inkml.lines import gather_lines
from allograph.corpora.lines.source import open_lines
from allograph.errors import FormatError, ImageError, InputError
from conftest import lacking

PAGE = Path(allograph.__file__).parent / "page" / "js" / "sheet"
CROHME = """<ink xmlns="http://www.w3.org/2003/InkML">
<traceFormat><channel name="X" type="decimal"/><channel name="Y" type="decimal"/></traceFormat>
<annotation type="truth">$x_1$</annotation>
<annotation type="writer">w123</annotation>
<annotationXML type="truth" encoding="Content-MathML"><math xmlns="http://www.w3.org/1998/Math/MathML"/></annotationXML>
<trace id="0">
1 2, 3 4, 5 6
</trace>
<trace id="1">
5 2, 1 6
</trace>
<trace id="2">
9 1, 9 7
</trace>
<traceGroup xml:id="3">
 <annotation type="truth">Segmentation</annotation>
 <traceGroup xml:id="4"><annotation type="truth">x</annotation>
  <traceView traceDataRef="0"/><traceView traceDataRef="1"/></traceGroup>
 <traceGroup xml:id="5"><annotation type="truth">1</annotation><traceView traceDataRef="2"/></traceGroup>
</traceGroup>
</ink>
"""
"""In the form in which the competitions on mathematics publish their ink."""


def ink(body: str, namespace: str = ' xmlns="http://www.w3.org/2003/InkML"') -> str:
    return f"<ink{namespace}>{body}</ink>"


def save(folder: Path, text: str | bytes, name: str = "ana.inkml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def strokes_of(path: Path) -> dict[str, list[list[list[float]]]]:
    """The ink of each innermost group, by its label."""
    return {one.label: [stroke.points.tolist() for stroke in one.strokes] for one in labelled_groups([path], innermost=True)}


def test_the_recommendations_own_example_of_differences() -> None:
    """InkML, section 3.3.1: velocities, then accelerations."""
    text = """1125 18432,'23'43,"7"-8,3-5,7 -3,6 2,6 8,3 6,2 4,3 6"""
    told = TraceFormat().points(text)
    steps = [(23, 43), (30, 35), (33, 30), (40, 27), (46, 29), (52, 37), (55, 43), (57, 47), (60, 53)]
    assert told.tolist() == np.cumsum([(1125, 18432), *steps], axis=0).tolist()


@pytest.mark.parametrize(
    ("form", "text", "points"),
    [
        (TraceFormat(), "1 2, 3 4,", [[1, 2], [3, 4]]),
        (TraceFormat(), " 1.5 -2e1 ,\n.5 +3. ", [[1.5, -20], [0.5, 3]]),
        (TraceFormat(), "", []),
        (TraceFormat(("Y", "T", "X")), "1 100 2, 3 200 4", [[2, 1], [4, 3]]),
        (TraceFormat(("X", "Y", "F")), "1 2 0.5, 3 4 T, 5 6 F", [[1, 2], [3, 4], [5, 6]]),
        (TraceFormat(("X", "Y"), ("F",)), "1 2, 3 4 0.5, 5 6", [[1, 2], [3, 4], [5, 6]]),
        (TraceFormat(), "1 2, * 4, ? 5, 7 6", [[1, 2], [1, 4], [7, 6]]),
        (TraceFormat(), "10 10, '2'-3, * *, !5 '1", [[10, 10], [12, 7], [14, 4], [5, 5]]),
        (TraceFormat(), "#A #ff", [[10, 255]]),
        (TraceFormat(scale=(10.0, -10.0)), "1 2", [[10, -20]]),
    ],
)
def test_traces(form: TraceFormat, text: str, points: list[list[float]]) -> None:
    assert form.points(text).tolist() == points


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        ("1 2, 3", "line 1: point 1 has 1 values, and there are 2 channels"),
        ("1 2 3", "point 0 has more than 2 values"),
        ("1 two", "point 0 holds what is no value"),
        ("1 2, 1e400 4", "a point is not finite"),
        ("1 2, nan 3", "point 1 holds what is no value"),
        ("1 2, inf 3", "point 1 holds what is no value"),
        ("1_0 2", "point 0 holds what is no value"),
        ("1 2\n3 4", "point 0 has more than 2 values"),
        ("* 2, 3 4", "point 0 goes on from a value that no point before it has"),
        ("'1 2, 3 4", "point 0 goes on from a value that no point before it has"),
    ],
)
def test_a_trace_that_cannot_be_read_is_named(tmp_path: Path, trace: str, message: str) -> None:
    path = save(tmp_path, ink(f'<traceGroup><annotation type="truth">a</annotation><trace>{trace}</trace></traceGroup>'))
    with pytest.raises(FormatError, match=rf"ana\.inkml, line 1: .*{message.removeprefix('line 1: ')}"):
        read_document(path)


def test_crohme(tmp_path: Path) -> None:
    path = save(tmp_path, CROHME)
    assert strokes_of(path) == {"x": [[[1, 2], [3, 4], [5, 6]], [[5, 2], [1, 6]]], "1": [[[9, 1], [9, 7]]]}
    listing = InkmlSource([path]).listing()
    assert (listing.labels.tolist(), listing.writers.tolist()) == (["x", "1"], ["w123", "w123"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_namespaces_and_encodings(tmp_path: Path, encoding: str) -> None:
    named = '<annotation type="truth">é</annotation><annotation type="writer">José</annotation>'
    plain = f"<traceGroup>{named}<trace>1 2</trace></traceGroup>"
    prefixed = plain.replace("</", "</ink:").replace("<t", "<ink:t").replace("<a", "<ink:a")
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    for text in (ink(plain), ink(plain, ""), f'<ink:ink xmlns:ink="http://www.w3.org/2003/InkML">{prefixed}</ink:ink>'):
        listing = InkmlSource([save(tmp_path, (head + text).encode(encoding))]).listing()
        assert (listing.labels.tolist(), listing.writers.tolist()) == (["é"], ["José"])


def test_units_resolutions_and_orientations(tmp_path: Path) -> None:
    contexts = """<definitions>
    <traceFormat xml:id="f"><channel name="X" units="cm"/><channel name="Y" units="cm" orientation="-ve"/></traceFormat>
    <context xml:id="cm" traceFormatRef="#f"/>
    <context xml:id="fine"><inkSource xml:id="s"><traceFormat><channel name="Y" type="integer" units="cm"/><channel name="X"
    type="integer" units="cm"/></traceFormat><channelProperties><channelProperty channel="X" name="resolution" value="1000"
    units="1/cm"/><channelProperty channel="Y" name="resolution" value="500" units="1/cm"/></channelProperties></inkSource>
    </context>
    </definitions>"""
    groups = "".join(
        f'<traceGroup contextRef="#{name}"><annotation type="label">{name[0]}</annotation><trace>1 2</trace></traceGroup>'
        for name in ("cm", "fine")
    )
    device = '<traceGroup><annotation type="label">d</annotation><trace>1 2</trace></traceGroup>'
    path = save(tmp_path, ink(contexts + groups + device))
    assert strokes_of(path) == {"c": [[[10, -20]]], "f": [[[0.02, 0.02]]], "d": [[[1, 2]]]}
    corpus = prepare(InkmlSource([path]), tmp_path / "corpus.parquet", split="all")
    assert corpus.boxes is not None
    assert corpus.boxes.millimetres.tolist() == [True, True, False]
    assert corpus.writers.tolist() == ["ana"] * 3  # nobody is named: the file's name


def test_views_of_parts_of_groups_and_of_what_comes_later(tmp_path: Path) -> None:
    body = """<traceView><annotation type="truth">a</annotation><traceView traceDataRef="#t" from="2" to="3"/></traceView>
    <traceView traceDataRef="#g"><annotation type="truth">b</annotation></traceView>
    <traceGroup xml:id="g"><trace xml:id="t">1 1, 2 2, 3 3, 4 4</trace><trace type="penUp">9 9</trace>
    <trace xml:id="u" continuation="begin">5 5</trace><trace continuation="end" priorRef="#u">6 6</trace></traceGroup>"""
    assert strokes_of(save(tmp_path, ink(body))) == {
        "a": [[[2, 2], [3, 3]]],
        "b": [[[1, 1], [2, 2], [3, 3], [4, 4]], [[5, 5], [6, 6]]],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE ink [<!ENTITY a "aaaa">]>' + ink("<trace>&a;</trace>"), "line 1: it declares a document type"),
        ('<!DOCTYPE ink SYSTEM "https://example.org/ink.dtd">' + ink(""), "line 1: it declares a document type"),
        (ink("<trace>1 2")[:-10], "no whole XML document"),
        ("PK\x03\x04", "no whole XML document"),
        ("<svg/>", "is no InkML: its root is svg"),
        (ink("<traceGroup>" * 70 + "</traceGroup>" * 70), "more than 64 deep"),
        ("<ink:ink><ink:trace>1 2</ink:trace></ink:ink>", "no whole XML document: .*unbound prefix"),
        (ink('<traceView traceDataRef="other.inkml#t"/>'), "line 1: traceDataRef refers to 'other.inkml#t'"),
        (ink('<trace id="t"/><trace id="t"/><traceView traceDataRef="t"/>'), "refers to 't', the id of 2 elements"),
        (ink('<traceView traceDataRef="#gone"/>'), "line 1: traceDataRef refers to '#gone'"),
        (ink('<traceGroup xml:id="a"><traceView traceDataRef="#a"/></traceGroup>'), "refer to one another more than 16 deep"),
        (ink('<traceFormat><channel name="X"/></traceFormat><trace>1</trace>'), "line 1: the channels of a trace are X, Y"),
        (ink("<trace>1 2</trace>"), "no group of traces is annotated with the character it shows"),
        (ink('<annotation type="truth">two words</annotation><trace>1 2</trace>'), "prepare them with --lines"),
        (
            ink('<annotation type="truth">a</annotation><annotation type="writer">nan</annotation><trace>1 2</trace>'),
            "is missing",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        InkmlSource([save(tmp_path, text)]).listing()


def grouped(trace: str, attributes: str = "", label: str = "a") -> str:
    return f'<traceGroup{attributes}><annotation type="truth">{label}</annotation>{trace}</traceGroup>'


CHANNELS = '<channel name="X"/><channel name="Y"/>'


def test_the_tip_of_the_pen_is_a_channel(tmp_path: Path) -> None:
    form = f'<traceFormat>{CHANNELS}<channel name="S" type="boolean"/></traceFormat>'
    path = save(tmp_path, ink(form + grouped("<trace>0 0 F, 1 1 T, 2 2 T, 3 3 F</trace><trace>9 9 F</trace>")))
    assert strokes_of(path) == {"a": [[[1, 1], [2, 2]]]}
    with pytest.raises(FormatError, match="line 1: the pen is lifted after point 0, within a stroke"):
        strokes_of(save(tmp_path, ink(form + grouped("<trace>0 0 T, 1 1 F, 2 2 T</trace>"))))


def test_two_sources_have_their_own_resolutions(tmp_path: Path) -> None:
    def source(number: int, resolution: object, unit: str = "1/mm") -> str:
        channels = "".join(f'<channel name="{axis}" type="integer" units="mm"/>' for axis in "XY")
        properties = "".join(
            f'<channelProperty channel="{axis}" name="resolution" value="{resolution}" units="{unit}"/>' for axis in "XY"
        )
        return (
            f'<inkSource xml:id="s{number}"><traceFormat xml:id="f{number}">{channels}</traceFormat>'
            f"<channelProperties>{properties}</channelProperties></inkSource>"
        )

    sources = source(1, 100) + source(2, 10) + source(3, 0) + source(4, 10, "lines")
    contexts = (
        '<context xml:id="a" inkSourceRef="#s1"/><context xml:id="b" traceFormatRef="#f2"/><context xml:id="c" contextRef="#a"/>'
        '<context xml:id="d" inkSourceRef="#s3"/><context xml:id="e" inkSourceRef="#s4"/>'
    )
    groups = "".join(grouped("<trace>100 100</trace>", f' contextRef="#{name}"', name) for name in "abcde")
    path = save(tmp_path, ink(f"<definitions>{sources}{contexts}</definitions>{groups}"))
    told = {one.label: one.strokes[0] for one in labelled_groups([path], innermost=True)}
    assert {name: stroke.points[0, 0] for name, stroke in told.items()} == {"a": 1, "b": 10, "c": 1, "d": 100, "e": 100}
    assert [name for name, stroke in told.items() if not stroke.millimetres] == ["d", "e"]


def test_a_context_that_states_no_format_leaves_it_as_it_was(tmp_path: Path) -> None:
    other = f'<definitions><traceFormat xml:id="f">{CHANNELS}</traceFormat></definitions>'
    turned = '<context><traceFormat><channel name="Y"/><channel name="X"/></traceFormat></context>'
    path = save(
        tmp_path, ink(other + turned + '<context><brush xml:id="b"/></context>' + grouped('<trace brushRef="#b">1 2</trace>'))
    )
    assert strokes_of(path) == {"a": [[[2, 1]]]}


def test_contexts_that_refer_to_themselves_state_nothing(tmp_path: Path) -> None:
    context = '<context xml:id="c" traceFormatRef="#c" inkSourceRef="#c" contextRef="#c"/>'
    assert strokes_of(save(tmp_path, ink(context + grouped("<trace>1 2</trace>", ' contextRef="#c"')))) == {"a": [[[1, 2]]]}


@pytest.mark.parametrize(
    "body",
    [
        grouped('<trace>1 2</trace><app:trace xmlns:app="urn:app">9 9</app:trace>'),
        '<trace xmlns:app="urn:app" xml:id="t" app:id="7">1 2</trace>' + grouped('<traceView traceDataRef="#t"/>'),
        '<trace id="1">1 2</trace>' + grouped('<traceView traceDataRef="1"/>', ' xml:id="1"'),
        '<annotationXML><math><mi id="t">x</mi><trace>9 9</trace></math></annotationXML><trace id="t">1 2</trace>'
        + grouped('<traceView traceDataRef="t"/>'),
        grouped("<trace><!-- x -->1 <![CDATA[2]]></trace><trace/><trace> , </trace>"),
    ],
)
def test_what_is_foreign_is_passed_over(tmp_path: Path, body: str) -> None:
    assert strokes_of(save(tmp_path, ink(body))) == {"a": [[[1, 2]]]}


@pytest.mark.parametrize(
    ("first", "last"), [("0", "1"), ("-1", "2"), ("1", "-1"), ("1", "9"), ("2", "1"), ("1.0", "2"), ("1:1", "2")]
)
def test_views_of_points_that_are_not_there(tmp_path: Path, first: str, last: str) -> None:
    view = f'<traceView traceDataRef="#t" from="{first}" to="{last}"/>'
    with pytest.raises(FormatError, match="line 1: a view of one trace is from one of its points to another, 1 to 3"):
        strokes_of(save(tmp_path, ink('<trace xml:id="t">1 1, 2 2, 3 3</trace>' + grouped(view))))


def test_views_of_views_without_end(tmp_path: Path) -> None:
    """Ten views of each group in the one before it: 10 to the 14th in all."""
    views = "".join(
        f'<traceGroup xml:id="g{i}">' + f'<traceView traceDataRef="#g{i + 1}"/>' * 10 + "</traceGroup>" for i in range(14)
    )
    body = views + '<traceGroup xml:id="g14"><trace>1 1</trace></traceGroup>' + grouped('<traceView traceDataRef="#g0"/>')
    with pytest.raises(FormatError, match="more than 64 times over"):
        strokes_of(save(tmp_path, ink(body)))


def test_a_document_is_a_line_whose_characters_are_its_groups(tmp_path: Path) -> None:
    letters = grouped("<trace>1 2</trace>") + grouped("<trace>3 4</trace>", label="b")
    (line,) = gather_lines([save(tmp_path, ink('<annotation type="truth">a b</annotation>' + letters))]).lines
    assert line.characters is not None
    assert (line.text, line.characters.tolist()) == ("a b", [0, 1])
    words = grouped("<trace>1 2</trace>", label="ab") + grouped("<trace>3 4</trace>", label="cd")
    lines = gather_lines([save(tmp_path, ink('<annotation type="truth">ab cd</annotation>' + words))]).lines
    assert [line.text for line in lines] == ["ab", "cd"]


def test_a_folder_of_folders_names_its_writers_by_both(tmp_path: Path) -> None:
    for name in ("ana", "ben"):
        (tmp_path / name).mkdir()
        save(tmp_path / name, ink(grouped("<trace>1 2</trace>")), "one.inkml")
    assert InkmlSource([tmp_path]).listing().writers.tolist() == ["ana/one", "ben/one"]
    seen: list[tuple[str, int, int]] = []
    prepare(InkmlSource([tmp_path]), tmp_path / "c.parquet", split="all", progress=lambda *one: seen.append(one))
    assert seen[:2] == [("reading ink", 0, 2), ("reading ink", 1, 2)]


def test_paths_that_hold_no_ink(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        InkmlSource([tmp_path / "gone.inkml"]).listing()
    with pytest.raises(InputError, match="holds no file that ends with"):
        InkmlSource([tmp_path]).listing()
    with pytest.raises(InputError, match="reads one or more InkML files or folders; 0 were given"):
        open_lines("inkml", [])
    path = save(tmp_path, ink('<traceGroup><annotation type="truth">a b</annotation></traceGroup>'))
    with pytest.raises(FormatError, match="annotated with the text"):
        open_lines("inkml", [path])


TEXTS = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=6
)
POINTS = st.lists(st.tuples(*[st.floats(-1e9, 1e9, allow_subnormal=True)] * 2), min_size=1, max_size=4).map(
    lambda points: np.array(points, np.float64)
)


@st.composite
def lines(draw: st.DrawFn) -> LabelledLine:
    """Lines with cuts and without; strokes of one character may lie apart."""
    text = " ".join(draw(st.lists(TEXTS, min_size=1, max_size=3)))
    count = len(LabelledLine((np.zeros((1, 2)),), text, "x", "train").labels)
    owners = draw(st.permutations([*range(count), *draw(st.lists(st.integers(0, count - 1), max_size=3))]))
    known = draw(st.booleans())
    return LabelledLine(
        tuple(draw(POINTS) for _ in owners),
        text,
        draw(TEXTS.filter(lambda name: name not in ("nan", "NaN", "None", "NaT", "<NA>"))),
        "application",
        np.array(owners) if known else None,
        draw(st.sampled_from(["millimetres", "device"])),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=4))
def test_lines_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, some: list[LabelledLine]) -> None:
    path = tmp_path_factory.mktemp("inkml") / "lines.inkml"
    assert write_inkml(path, map(Written.of, some)) == len(some)
    back = gather_lines([path]).lines
    assert list(back) == some


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS.map(lambda text: text[0]), st.lists(POINTS, min_size=1, max_size=3)), min_size=1, max_size=5))
def test_characters_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, some: list[tuple[str, list[np.ndarray]]]
) -> None:
    path = tmp_path_factory.mktemp("inkml") / "characters.inkml"
    write_inkml(path, (Written(label, "ana", tuple(strokes), "millimetres") for label, strokes in some))
    back = [(one.label, [stroke.points.tolist() for stroke in one.strokes]) for one in labelled_groups([path], innermost=True)]
    assert back == [(label, [stroke.tolist() for stroke in strokes]) for label, strokes in some]


def test_what_xml_cannot_hold_is_refused_and_leaves_what_stood_there(tmp_path: Path) -> None:
    path = save(tmp_path, "before")
    with pytest.raises(InputError, match="XML cannot hold"):
        write_inkml(path, [Written("\uffff", "ana", (np.zeros((1, 2)),))])
    assert path.read_text() == "before"


@pytest.mark.parametrize("stroke", [np.empty((0, 2)), np.array([[0, np.nan]]), np.array([[1e10, 0]]), np.zeros((2, 3))])
def test_strokes_that_cannot_be_read_again_are_not_written(tmp_path: Path, stroke: np.ndarray) -> None:
    with pytest.raises(ImageError, match="stroke 0 of 'a'"):
        write_inkml(tmp_path / "no.inkml", [Written("a", "ana", (stroke,))])
    assert list(tmp_path.iterdir()) == []


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = [
        LabelledLine((np.zeros((1, 2)), np.array([[3.0, 4.5], [5, 6]])), "l <", writer, "train", np.array([0, 1], np.int16))
        for writer in ("ana", "bo")
    ]
    write_inkml(tmp_path / "one.inkml", map(Written.of, some))
    parquet = tmp_path / "lines.parquet"
    assert _run(["prepare", "inkml", str(tmp_path), "--lines", "--split", "all", "-o", str(parquet), "--licence", "CC0"]) == 0
    assert LineCorpus.open(parquet).record.licence == "CC0"
    assert _run(["export", "inkml", str(parquet), "-o", str(tmp_path / "two.inkml")]) == 0
    assert (tmp_path / "two.inkml").read_bytes() == (tmp_path / "one.inkml").read_bytes()
    capsys.readouterr()
    assert _run(["export", "inkml", str(parquet), "-o", str(tmp_path / "two.inkml"), "--writer", "bo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == 1
    assert [line.writer for line in gather_lines([tmp_path / "two.inkml"]).lines] == ["bo"]
    with pytest.raises(InputError, match="holds no line of the writer 'eve'"):
        _run(["export", "inkml", str(parquet), "-o", str(tmp_path / "two.inkml"), "--writer", "eve"])
    assert _run(["prepare", "inkml", str(tmp_path / "one.inkml"), "--split", "all", "-o", str(parquet), "--jobs", "1"]) == 0
    capsys.readouterr()
    assert _run(["info", str(parquet), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 4


def test_what_the_page_exports_is_read(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        lacking("node", "there is no node on this machine (on Debian: apt-get install nodejs)")
        raise AssertionError
    documents = [
        {
            "lines": [
                {
                    "row": row,
                    "text": text,
                    "measure": {"scale": 1},
                    "strokes": [
                        {"pen": True, "points": [[0, 20, 0.5], [12, 80, 0.25]]},
                        {"pen": False, "points": [[30, 20, 0], [30.25, 40, 0]]},
                    ],
                }
                for row, text in enumerate(["a <b>", "x & y"])
            ]
        }
    ]
    script = (
        f"globalThis.document ??= {{}}; globalThis.localStorage ??= {{ getItem: () => null }};"
        f'await import("{(Path(__file__).parent / "page/browser.js").as_uri()}");'
        f'const {{ asInkml }} = await import("{(PAGE / "export.js").as_uri()}");'
        f"process.stdout.write(asInkml({json.dumps(documents)}));"
    )
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    path = save(tmp_path, done.stdout, "page.inkml")
    corpus = prepare_lines(open_lines("inkml", [path]), tmp_path / "lines.parquet", split="all")
    first, second = corpus.lines()
    assert (first.text, second.text, first.writer, first.unit) == ("a <b>", "x & y", "page", "device")
    assert [stroke.tolist() for stroke in first.strokes] == [[[0, 20], [12, 80]], [[30, 20], [30.25, 40]]]
    assert second.strokes[0][0][1] > 20  # the second line lies below the first on the page
