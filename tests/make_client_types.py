"""Writes src/allograph/client/types.py from the service's own OpenAPI document. Run it with: make client-types

Each schema becomes a `TypedDict` of its name. What is sent takes any sequence where the document has an array; what is answered
has lists.
"""

from __future__ import annotations

import json
import keyword
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from served import client, ok

FILE = Path(__file__).parents[1] / "src" / "allograph" / "client" / "types.py"
HEAD = '''"""The bodies of requests and answers, as the service's OpenAPI document has them. Written by: make client-types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, TypedDict
'''
NAMED = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
WIDTH = 130


def client_types(document: dict[str, Any]) -> str:
    """The module as text, formatted as all of the project's."""
    written: dict[str, str] = {}
    schemas = document["components"]["schemas"]
    for name in schemas:
        _write(name, schemas, written)
    text = "\n\n".join([HEAD, *written.values()])
    command = [sys.executable, "-m", "ruff", "format", "--line-length", str(WIDTH), "--stdin-filename", FILE.name, "-"]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def service_document() -> dict[str, Any]:
    """The OpenAPI document of the service as it is."""
    with client() as http:
        document: dict[str, Any] = ok(http.get("/v1/openapi.json"))
    return document


def _write(name: str, schemas: dict[str, Any], written: dict[str, str]) -> None:
    """Write a schema after those that it names."""
    if name in written:
        return
    schema = schemas[name]
    for other in _named_in(schema):
        _write(other, schemas, written)
    array = "Sequence" if name.endswith("Request") else "list"
    required = set(schema.get("required", ()))
    fields = {
        field: type_of(one, array) if field in required else f"NotRequired[{type_of(one, array)}]"
        for field, one in schema["properties"].items()
    }
    documentation = _docstring(schema["description"])
    if any(keyword.iskeyword(field) for field in fields):
        members = ", ".join(f'"{field}": {kind}' for field, kind in fields.items())
        written[name] = f'{name} = TypedDict("{name}", {{{members}}})\n{documentation}\n'
    else:
        members = "\n".join(f"    {field}: {kind}" for field, kind in fields.items())
        written[name] = f"class {name}(TypedDict):\n{textwrap.indent(documentation, '    ')}\n\n{members}\n"


def type_of(schema: dict[str, Any], array: str) -> str:
    """A schema as a type.

    >>> type_of({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}, "list")
    'list[int] | None'
    """
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(type_of(one, array) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    if schema["type"] == "array":
        return f"{array}[{type_of(schema['items'], array)}]"
    if schema["type"] == "object":
        values = schema.get("additionalProperties", True)
        return f"dict[str, {type_of(values, array) if isinstance(values, dict) and values else 'Any'}]"
    return NAMED[schema["type"]]


def _named_in(value: Any) -> list[str]:
    """The schemas that a part of the document refers to, in order."""
    if isinstance(value, dict):
        here = [value["$ref"].rpartition("/")[2]] if "$ref" in value else []
        return here + [name for one in value.values() for name in _named_in(one)]
    return [name for one in value for name in _named_in(one)] if isinstance(value, list) else []


def _docstring(text: str) -> str:
    paragraph = textwrap.fill(text.split("\n\n")[0], WIDTH - 12)
    return f'"""{paragraph}"""' if "\n" not in paragraph else f'"""{paragraph}\n"""'


if __name__ == "__main__":
    FILE.write_text(client_types(service_document()), encoding="utf-8")
