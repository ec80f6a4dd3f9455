"""A PostgreSQL server that is restarted under load: nothing acknowledged is lost, and the service goes on by itself."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import httpx
import pytest

import served
from allograph.profiles import open_store
from allograph.profiles.journal import Key
from clusters import own_cluster

THREADS = 4
PATIENCE = 90.0


class Client(threading.Thread):
    """Corrects one sample after the other, each until it is acknowledged, and reads in between."""

    def __init__(self, url: str, number: int, ends: threading.Event) -> None:
        super().__init__(daemon=True)
        self.number, self.url, self.ends = number, url, ends
        self.acknowledged: list[str] = []
        self.refused = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Until it is told to end, and its last correction is acknowledged."""
        image = served.image(self.number)
        until = time.monotonic() + PATIENCE
        with httpx.Client(base_url=f"{self.url}/v1/writers/w{self.number}", timeout=30) as http:
            while not self.ends.is_set() and time.monotonic() < until:
                id = f"{self.number}-{len(self.acknowledged)}"
                correction = {"id": id, "image": image, "label": "ab"[len(self.acknowledged) % 2]}
                while not self.say(http, "/correct", {"corrections": [correction]}):
                    time.sleep(0.05)
                    if time.monotonic() > until:
                        self.wrong.append(f"{id} was not taken in {PATIENCE} s")
                        return
                self.acknowledged.append(id)
                self.say(http, "/read", {"samples": [{"image": image}]})

    def say(self, http: httpx.Client, path: str, body: object) -> bool:
        """Whether it is done; anything but that and a 503 that says when to come again is wrong."""
        try:
            answer = http.post(path, json=body)
        except httpx.HTTPError as error:
            self.wrong.append(repr(error))
            return False
        if answer.status_code == 503 and int(answer.headers["retry-after"]) > 0:
            self.refused += 1
        elif answer.status_code != 200:
            self.wrong.append(answer.text)
        return answer.status_code == 200


@pytest.mark.slow
def test_a_server_that_is_restarted_under_load_loses_nothing(tmp_path: Path) -> None:
    with own_cluster() as cluster, served.process(tmp_path, "--rate", "1000000", store=cluster.url) as service:
        ends = threading.Event()
        clients = [Client(service.url, number, ends) for number in range(THREADS)]
        for client in clients:
            client.start()
        try:
            go_on(clients, 10)
            cluster.control("restart", "-m", "immediate")  # as after kill -9: it replays its log
            go_on(clients, 10)
            cluster.control("stop", "-m", "immediate")
            began = time.monotonic()
            while min(client.refused for client in clients) == 0:  # all are told to come again
                assert time.monotonic() < began + 60
                time.sleep(0.05)
            assert httpx.get(f"{service.url}/v1/live").status_code == 200
            assert httpx.get(f"{service.url}/v1/ready", timeout=30).status_code == 503
            cluster.control("start")
            go_on(clients, 10)
            assert httpx.get(f"{service.url}/v1/ready", timeout=30).status_code == 200
        finally:
            ends.set()
            for client in clients:
                client.join(PATIENCE)
        assert [client.wrong for client in clients] == [[]] * THREADS
        assert service.process.poll() is None
        with contextlib.closing(open_store(cluster.url)) as store:
            for client in clients:
                found = store.entries(Key("default", f"w{client.number}"))
                assert [one.id for one in found] == client.acknowledged  # all, once, in their order
                assert [one.label for one in found] == ["ab"[i % 2] for i in range(len(found))]


def go_on(clients: list[Client], count: int) -> None:
    """Until every client has had so many more corrections acknowledged."""
    wanted = [len(client.acknowledged) + count for client in clients]
    until = time.monotonic() + PATIENCE
    while any(len(client.acknowledged) < least for client, least in zip(clients, wanted, strict=True)):
        assert time.monotonic() < until, [(len(client.acknowledged), client.wrong) for client in clients]
        time.sleep(0.02)
