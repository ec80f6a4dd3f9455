"""Writers who were taught before the page is opened, as on another device."""

from __future__ import annotations

from itertools import cycle, islice

import httpx
import numpy as np

from allograph.writers.pipeline import shipped_recognizer

TOGETHER = 100


def teach(address: str, writer: str, labels: str, times: int = 1) -> None:
    """Teach a writer samples that the recognizer was made from, some of each label."""
    styles, alphabet = shipped_recognizer().bundle.styles, shipped_recognizer().alphabet
    assert styles is not None
    taught = [
        {"id": f"{writer}-{alphabet.index(label)}-{i}", "label": label, "image": styles.medoids[row].tolist()}
        for label in labels
        for i, row in enumerate(islice(cycle(np.flatnonzero(styles.labels == alphabet.index(label)).tolist()), times))
    ]
    for start in range(0, len(taught), TOGETHER):
        body = {"corrections": taught[start : start + TOGETHER]}
        httpx.post(f"{address}/v1/writers/{writer}/correct", json=body, timeout=60).raise_for_status()


def known_labels(address: str, writer: str) -> list[str]:
    """The labels of all that a writer taught, in order; none of a writer whom the service does not know."""
    answer = httpx.get(f"{address}/v1/writers/{writer}/corrections", params={"limit": 1000})
    return [one["label"] for one in answer.json()["corrections"]] if answer.status_code == 200 else []
