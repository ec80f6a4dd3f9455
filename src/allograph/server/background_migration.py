"""Migrates the store's profiles to the service's model while it serves."""

from __future__ import annotations

import logging
import threading

from allograph.errors import AllographError, UnknownWriter
from allograph.profiles.migration import Outcome, all_keys, migrate_all
from allograph.server.log import LOGGER, failure
from allograph.writers.writers import Writers

SHARE = 0.3
"""Of the time of one thread, at most, so that readings and corrections are not slowed down."""


class BackgroundMigration:
    """A thread that brings every profile of another model over to the service's, once, and logs how many.

    What it has done when the service stops stays done; the next start goes on with the rest.
    """

    def __init__(self, writers: Writers) -> None:
        self._writers = writers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="allograph-migrate", daemon=True)
        self._done = {"writers": 0, "moved": 0, "without_image": 0, "failed": 0}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Leave off, and wait until no profile is half done."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        store, recognizer = self._writers.store, self._writers.pipeline.recognizer
        try:
            keys = all_keys(store, not_of=recognizer.bundle.model_hash)
            migrate_all(store, recognizer, keys, SHARE, self._stop, self._count)
        except AllographError as error:
            LOGGER.log(logging.WARNING, "migrate", extra={"facts": {**self._done, **failure(error)}})
            return
        finished = not self._stop.is_set()
        LOGGER.log(logging.INFO, "migrate", extra={"facts": {**self._done, "finished": finished}})

    def _count(self, outcome: Outcome) -> None:
        if outcome.done is not None:
            self._done["writers"] += 1
            self._done["moved"] += outcome.done.moved
            self._done["without_image"] += outcome.done.without_image
            if outcome.done.without_image:
                facts = {"without_image": outcome.done.without_image, "reason": "they wait for their own model"}
                LOGGER.log(logging.WARNING, "migrate", extra={"facts": facts})
        elif not isinstance(outcome.error, UnknownWriter):  # who was erased meanwhile did not fail
            self._done["failed"] += 1
            LOGGER.log(logging.WARNING, "migrate", extra={"facts": failure(outcome.error)})
