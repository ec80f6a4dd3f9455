"""XML as elements, by expat alone: no entities, no document types, nothing that is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from allograph.errors import FormatError, InputError
from allograph.files.input import read_file

LARGEST = 1 << 28
"""Bytes of the largest document that is read."""
DEEPEST = 64
"""Elements inside one another, at most."""
INKML = "http://www.w3.org/2003/InkML"
XML = "http://www.w3.org/XML/1998/namespace"


@dataclass(eq=False)
class Element:
    """An element of InkML, or a foreign one, whose name has its namespace in braces before it; `xml:id` is `id`."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    """What it holds between its tags, without what its children hold."""
    children: list[Element] = field(default_factory=list)

    def named(self, name: str) -> Iterator[Element]:
        """Yield the children of a name."""
        return (child for child in self.children if child.name == name)

    def all(self) -> Iterator[Element]:
        """Yield the element and all below it, in the document's order."""
        yield self
        for child in self.children:
            yield from child.all()


def read_elements(path: Path) -> Element:
    """The root of an XML document.

    Raises `InputError` where there is no file, `FormatError`, naming the line, where it is truncated, no XML, or declares a
    document type, which could hold entities.
    """
    try:
        data = read_file(path, LARGEST)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror or error})") from error
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    top = Element("", {}, 0)
    opened = [top]
    texts: list[list[str]] = [[]]
    own = {"", INKML}

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(opened) > DEEPEST:
            raise FormatError(f"{path}, line {parser.CurrentLineNumber}: elements are more than {DEEPEST} deep")
        space, _, local = name.rpartition(" ")
        if len(opened) == 1:
            own.add(space)  # what the root is in, which may be a draft's
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items() if key.rpartition(" ")[0] in own}
        if f"{XML} id" in attributes:
            plain["id"] = attributes[f"{XML} id"]
        element = Element(local if space in own else f"{{{space}}}{local}", plain, parser.CurrentLineNumber)
        opened[-1].children.append(element)
        opened.append(element)
        texts.append([])

    def end(_: str) -> None:
        opened.pop().text = "".join(texts.pop())

    def add(text: str) -> None:
        texts[-1].append(text)

    def refuse(*_: object) -> None:
        raise FormatError(
            f"{path}, line {parser.CurrentLineNumber}: it declares a document type, which is not read: it could hold entities; "
            "remove the line <!DOCTYPE …>"
        )

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = add, refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path} is no whole XML document: it is truncated or foreign ({error})") from error
    return top.children[0]
