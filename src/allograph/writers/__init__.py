"""Writers: people who read, correct and undo; what the recognizer learned of each, and what they should teach next.

`Writer` is one person, `Writers` all those of a store. Both read with a `Pipeline`, a recognizer and an adapter that everybody
shares, from a `LiveProfile`, what the journal of one writer holds as this process has learned it.
"""

from __future__ import annotations

from allograph.writers.pipeline import Pipeline
from allograph.writers.reading import Request
from allograph.writers.writer import Writer
from allograph.writers.writers import Writers

__all__ = ["Pipeline", "Request", "Writer", "Writers"]
