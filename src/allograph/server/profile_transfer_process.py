"""A process that exports or imports one large profile, and ends: `python -m allograph.server.profile_transfer_process`.

It reads a line of JSON that says what to do, and for an import the bytes of the file; it answers with a line of JSON, and for an
export with the bytes of the file. `allograph.server.profile_transfer` is what starts it.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from typing import Any, BinaryIO

from allograph.errors import AllographError
from allograph.profiles import Store, changes, open_store
from allograph.profiles.archive import Sizes, check_model, pack, unpack
from allograph.profiles.journal import Key

NICE = 10
"""How much less urgent this is than readings, in the system's steps."""


def main(source: BinaryIO, output: BinaryIO) -> None:
    """Do the task in the first line of `source`; an `AllographError` is written by its name and text."""
    task: dict[str, Any] = json.loads(source.readline())
    try:
        with closing(open_store(task["store"], existing=True)) as store:
            store.most_writers = task["most_writers"]
            head, body = carry_out(store, task, source)
            output.write(json.dumps(head).encode() + b"\n" + body)
            output.flush()
    except AllographError as error:
        output.write(json.dumps({"error": type(error).__name__, "text": str(error)}).encode() + b"\n")
        output.flush()


def carry_out(store: Store, task: dict[str, Any], source: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Export or import a profile; what there is to say of it, and the bytes of an export."""
    key = Key(task["tenant"], task["name"])
    if task["act"] == "export":
        blob = pack(changes.contents(store, key))
        return {"length": len(blob)}, blob
    contents = unpack(source.read())
    check_model(contents, task["model_hash"], Sizes(*task["sizes"]))
    return changes.merge(store, key, contents, task["incarnation"])._asdict(), b""


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICE)
    main(sys.stdin.buffer, sys.stdout.buffer)
