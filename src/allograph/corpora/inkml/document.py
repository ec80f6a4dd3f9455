"""An InkML document: groups of traces with what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.inkml.channels import TraceFormat, trace_format
from allograph.corpora.inkml.elements import Element, read_elements
from allograph.errors import FormatError
from allograph.ink import FARTHEST

TRUTHS = ("truth", "label", "transcription", "text")
"""Types of annotations that say what a group shows, the first that is there."""
WRITERS = ("writer", "writerid", "author")
"""Those that say who wrote it; letter case, blanks, hyphens and underscores do not count."""
HEADINGS = frozenset(("Segmentation", "From ITF"))
"""What the files of CROHME write as the truth of a group that is a heading for others."""
DEEPEST = 16
"""References that lead to one another, at most."""
MOST_SHOWN = 64
"""How often the elements of a document may be shown, in the mean: views of views could show them without end."""
SHOWN = ("trace", "traceGroup", "traceView")
"""What a view may show."""


@dataclass(eq=False)
class Stroke:
    """A pen-down trace, or part of one."""

    points: NDArray[np.float64]
    """[k, 2] x and y, y down; at least one."""
    millimetres: bool


@dataclass(eq=False)
class Group:
    """Traces that belong together."""

    line: int
    label: str | None
    """What they show, where that is said of this group."""
    writer: str | None
    """Who wrote them, said of this group or of one around it."""
    parts: list[Group | Stroke] = field(default_factory=list)

    def strokes(self) -> list[Stroke]:
        """All strokes, each once, in the order in which they stand in the document first."""
        own = (stroke for part in self.parts for stroke in (part.strokes() if isinstance(part, Group) else [part]))
        return list(dict.fromkeys(own))

    def groups(self) -> Iterator[Group]:
        """Yield the groups within."""
        return (part for part in self.parts if isinstance(part, Group))

    def labelled(self) -> list[Group]:
        """The outermost labelled groups within."""
        return [found for group in self.groups() for found in ([group] if group.label is not None else group.labelled())]


def read_document(path: Path) -> Group:
    """The ink of a document; the group stands for all of it.

    Raises `InputError` where there is no file, `FormatError`, naming the file and the line, where it is no InkML.
    """
    root = read_elements(path)
    if root.name != "ink":
        raise FormatError(f"{path} is no InkML: its root is {root.name[:40]}, not ink")
    return _Reader(path, root).group(root, None, 0)


class _Reader:
    """Follows the references of a document."""

    def __init__(self, path: Path, root: Element) -> None:
        self._path = path
        self._named: dict[str, list[Element]] = {}
        self._source_of: dict[Element, Element] = {}
        formats, sources, count = [], [], 0
        for element in _inked(root):
            count += 1
            if "id" in element.attributes:
                self._named.setdefault(element.attributes["id"], []).append(element)
            if element.name == "traceFormat":
                formats.append(element)
            if element.name == "inkSource":
                sources.append(element)
                self._source_of.update(dict.fromkeys(element.all(), element))
        self._formats: dict[Element | None, TraceFormat] = {}
        self._only = formats[0] if len(formats) == 1 else None
        self._only_source = sources[0] if len(sources) == 1 else None
        self._strokes: dict[Element, Stroke] = {}
        self._joined: set[Element] = set()
        self._may_show = MOST_SHOWN * count
        self._context_of: dict[Element, Element | None] = {}
        self._give_contexts(root, None)

    def _give_contexts(self, element: Element, context: Element | None) -> None:
        """Note in which context each trace is: its own, that of a group around it, or the last of the document.

        One that states no format of traces leaves the format as it was.
        """
        context = self._with_format(self._referred(element, "contextRef")) or context
        if element.name == "trace":
            self._context_of[element] = context
        for child in element.children:
            if child.name == "context" and element.name != "definitions":
                context = self._with_format(child) or context
            else:
                self._give_contexts(child, context)

    def _with_format(self, context: Element | None) -> Element | None:
        return context if self._stated(context, "traceFormat") is not None else None

    def group(self, element: Element, writer: str | None, depth: int) -> Group:
        """A group of the document, as it stands there or as another refers to it."""
        if depth > DEEPEST:
            raise self._fault(element, f"groups refer to one another more than {DEEPEST} deep")
        self._may_show -= 1 + len(element.children)
        if self._may_show < 0:
            raise self._fault(element, f"views show what is in the document more than {MOST_SHOWN} times over")
        notes = _annotations(element)
        writer = next((notes[name] for name in WRITERS if notes.get(name)), writer)
        label = next((notes[name] for name in TRUTHS if notes.get(name)), None)
        group = Group(element.line, None if label in HEADINGS else label, writer)
        continued: dict[str, Stroke] = {}
        for child in element.children:
            if child.name == "trace":
                self._add_trace(group, child, continued)
            elif child.name == "traceGroup":
                group.parts.append(self.group(child, writer, depth + 1))
            elif child.name == "traceView":
                group.parts += self._viewed(child, writer, depth + 1)
        if element.name == "traceView":
            group.parts += self._target(element, writer, depth + 1)
        return group

    def _viewed(self, view: Element, writer: str | None, depth: int) -> list[Group | Stroke]:
        """What a view shows: a group where it says something of it or holds others, else the strokes themselves."""
        if view.children:
            return [self.group(view, writer, depth)]
        return self._target(view, writer, depth)

    def _target(self, view: Element, writer: str | None, depth: int) -> list[Group | Stroke]:
        """What a view refers to."""
        target = self._referred(view, "traceDataRef")
        if target is None:
            return []
        if target.name == "trace":
            stroke = self._stroke(target)
            return [] if stroke is None else [self._part(view, stroke)]
        if "from" in view.attributes or "to" in view.attributes:
            raise self._fault(view, "from and to are read in views of one trace only")
        if target.name not in SHOWN:
            raise self._fault(view, f"a view shows a trace or a group of them, not {target.name[:40]}")
        return [self.group(target, writer, depth)]

    def _part(self, view: Element, stroke: Stroke) -> Stroke:
        """The part of a stroke that a view shows; the stroke itself where that is all of it."""
        count = len(stroke.points)
        stated = view.attributes.get("from", "1"), view.attributes.get("to", str(count))
        if not all(text.isascii() and text.isdigit() for text in stated) or not 1 <= int(stated[0]) <= int(stated[1]) <= count:
            raise self._fault(view, f"a view of one trace is from one of its points to another, 1 to {count}")
        first, last = int(stated[0]) - 1, int(stated[1])
        return stroke if last - first == count else Stroke(stroke.points[first:last], stroke.millimetres)

    def _add_trace(self, group: Group, trace: Element, continued: dict[str, Stroke]) -> None:
        """Add a trace to its group, or to the one that it goes on with."""
        stroke = self._stroke(trace)
        prior = continued.get(trace.attributes.get("priorRef", "").lstrip("#"))
        if stroke is None:
            return
        if prior is not None and trace.attributes.get("continuation") in ("middle", "end"):
            if trace not in self._joined:
                prior.points = np.concatenate([prior.points, stroke.points])
                self._joined.add(trace)
            stroke = prior
        else:
            group.parts.append(stroke)
        if "id" in trace.attributes:
            continued[trace.attributes["id"]] = stroke

    def _stroke(self, trace: Element) -> Stroke | None:
        """A trace's points; None where the pen was up, or there are none."""
        if trace.attributes.get("type") == "penUp":
            return None
        if trace not in self._strokes:
            form = self._format(self._context_of[trace])
            try:
                points = form.points(trace.text)
            except FormatError as error:
                raise self._fault(trace, f"{error}, as its trace format has them: {', '.join(form.channels)}") from None
            if not (np.abs(points) <= FARTHEST).all():
                raise self._fault(trace, f"a point is not finite, or farther than {FARTHEST:g} from 0")
            self._strokes[trace] = Stroke(points, form.millimetres)
        stroke = self._strokes[trace]
        return stroke if len(stroke.points) else None

    def _format(self, context: Element | None) -> TraceFormat:
        """The format that a context, or what it refers to, states; else the document's only one; else X and Y."""
        if context not in self._formats:
            element = self._stated(context, "traceFormat") or self._only
            source = self._source_of.get(element) if element else None
            source = source or self._stated(context, "inkSource") or self._only_source
            self._formats[context] = (
                TraceFormat() if element is None else trace_format(element, _properties(source), str(self._path))
            )
        return self._formats[context]

    def _stated(self, element: Element | None, name: str) -> Element | None:
        """The first element of a name that a context holds, or that what it refers to holds."""
        asked = [element] if element else []
        for one in asked:
            for within in one.all():
                if within.name == name:
                    return within
            referred = (self._referred(one, reference) for reference in ("traceFormatRef", "inkSourceRef", "contextRef"))
            asked += [other for other in referred if other and other not in asked]
        return None

    def _referred(self, element: Element, attribute: str) -> Element | None:
        """The element that an attribute refers to, within the document; None where there is no such attribute."""
        reference = element.attributes.get(attribute)
        if reference is None or reference == "#DefaultContext":
            return None
        named = self._named.get(reference.removeprefix("#"), [])
        for kind in SHOWN if attribute == "traceDataRef" else ():  # some files count traces and groups apart
            named = [one for one in named if one.name == kind] or named
            if named and named[0].name == kind:
                break
        if not named:
            raise self._fault(element, f"{attribute} refers to {reference[:40]!r}, and the document has no element of that id")
        if len(named) > 1:
            raise self._fault(element, f"{attribute} refers to {reference[:40]!r}, the id of {len(named)} elements")
        return named[0]

    def _fault(self, element: Element, what: str) -> FormatError:
        return FormatError(f"{self._path}, line {element.line}: {what}")


def _inked(element: Element) -> Iterator[Element]:
    """Yield an element and all below it, but for what an `annotationXML` holds, which is no ink."""
    yield element
    if element.name != "annotationXML":
        for child in element.children:
            yield from _inked(child)


def _properties(source: Element | None) -> dict[tuple[str, str], str]:
    """What a source of ink says of its channels, by channel and name; the unit of `name` is `name unit`."""
    found: dict[tuple[str, str], str] = {}
    for told in (element.attributes for element in (source.all() if source else ()) if element.name == "channelProperty"):
        channel, name = told.get("channel", ""), told.get("name", "")
        found[channel, name] = told.get("value", "")
        found[channel, f"{name} unit"] = told.get("units", "")
    return found


def _annotations(element: Element) -> dict[str, str]:
    """What is said of an element, by the kind: a type in small letters alone. Of several the first."""
    found: dict[str, str] = {}
    for child in element.named("annotation"):
        found.setdefault(re.sub(r"[\s_-]", "", child.attributes.get("type", "")).lower(), child.text.strip())
    return found
