"""A typed client of the service over HTTP: `Client`, and `AsyncClient` whose methods are awaited.

    with Client("http://127.0.0.1:8000") as service:
        reading = service.read("ana", samples=[{"ink": strokes}])["readings"][0]

It is a room by itself: it knows the service by its addresses and `types`, which are written from the service's OpenAPI document,
and imports none of it. What it needs comes with `pip install "allograph[client]"`.
"""

from __future__ import annotations

from allograph.client.clients import AsyncClient, Client
from allograph.client.exchange import Patience
from allograph.client.operations import WriterState

__all__ = ["AsyncClient", "Client", "Patience", "WriterState"]
