"""What `config.json` of a bundle says, in format 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allograph.alphabet.labels import Alphabet
from allograph.errors import FormatError, InputError
from allograph.files.json_files import read_json
from allograph.files.records import check_version, read_record, record_values
from allograph.images.frames import Frame

FORMAT = 1


@dataclass(frozen=True)
class BundleConfig:
    """What a bundle's model reads and answers, how it was made, and which parameters were tuned for it.

    What the file does not say is empty, or None.
    """

    alphabet: Alphabet
    """The labels in the order of the logits."""
    frame: Frame
    embedding_size: int
    model_hash: str = ""
    """SHA-256 of `model.onnx`, hexadecimal; `write_bundle` fills it in."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """From `train`: the schedule, the epochs, the validation loss, the version of torch."""
    adopted: Mapping[str, Any] = field(default_factory=dict)
    """From `adopt`: the names of the outputs in the model it was made of, and the preprocessing."""
    corpus: Mapping[str, Any] = field(default_factory=dict)
    """The corpus it was made with: source, origin, licence, split, and its SHA-256."""
    accuracy: Mapping[str, float | None] = field(default_factory=dict)
    """The share of right answers on each split; None for a split without samples."""
    styles: Mapping[str, float] = field(default_factory=dict)
    """How many styles there are, and how well the nearest of them name the application samples."""
    population: Mapping[str, int] = field(default_factory=dict)
    """From how many writers and samples the adapters' statistics were gathered."""
    adapters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The parameters that were tuned, by the adapter's name."""
    tuning: Mapping[str, Any] = field(default_factory=dict)
    """The protocols that the parameters were judged by, and by adapter what they reach."""
    learning_curve: tuple[tuple[int, float], ...] | None = None
    """Pairs of a number of corrections of a label, ascending, and the share of the base's errors on that label that is left from
    so many corrections on; 0 is a label that was never corrected, whose share may be above 1."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What other programs noted in the file."""

    def values(self) -> dict[str, Any]:
        """The JSON object."""
        values = {key: value for key, value in record_values(self).items() if key != "alphabet" and value != {}}
        return {"format": FORMAT, **values, "alphabet": list(self.alphabet)}


def read_config(path: Path) -> BundleConfig:
    """Read a bundle's configuration; raises `FormatError`, which says what is wrong with it."""
    values = read_json(path)
    if not isinstance(values, dict):
        raise FormatError(f"{path} is not a bundle's configuration")
    check_version(path.parent, "bundle", values.pop("format", None), FORMAT)
    if "alphabet" in values:
        if not isinstance(values["alphabet"], list):
            raise FormatError(f"{path}: the alphabet is a list of labels")
        try:
            values["alphabet"] = Alphabet(values["alphabet"])
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
    config = read_record(BundleConfig, values, str(path), "make the bundle anew")
    if config.embedding_size < 1:
        raise FormatError(f"{path} names the embedding size {config.embedding_size}; it is a whole number above 0")
    curve = config.learning_curve or ()
    counts = [count for count, _ in curve]
    if counts != sorted(set(counts)) or any(count < 0 or share < 0 for count, share in curve):
        raise FormatError(
            f"{path} names the learning curve {[list(pair) for pair in curve]}; it is a list of pairs: a number of corrections, "
            "ascending, and a share of errors of 0 or more"
        )
    return config
