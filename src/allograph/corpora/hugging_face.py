"""A corpus as a data set for Hugging Face's `datasets`: Parquet files, a split each or several, and a card."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.box_columns import FIELDS, boxes_to_arrow
from allograph.corpora.corpus import Corpus, LabelledImages
from allograph.corpora.parquet import pa, pq
from allograph.errors import InputError, storage_error
from allograph.files.atomic import atomic_folder, check_output
from allograph.progress import Progress, silent
from allograph.split import SPLITS, Split

SHARD = 250_000
"""Samples in a file, about 100 MB."""
GROUP = 4096
"""Samples in a row group, which is all that is in memory."""
SIZES = {10**3: "n<1K", 10**4: "1K<n<10K", 10**5: "10K<n<100K", 10**6: "100K<n<1M", 10**7: "1M<n<10M", 10**8: "10M<n<100M"}
"""The hub's names for how many samples there are, by the first number that is too large."""
LICENCES = {"CC BY 4.0": "cc-by-4.0", "CC BY-SA 4.0": "cc-by-sa-4.0", "CC0": "cc0-1.0"}
"""The hub's names for licences; what is none of them is `other`, with its own words beside."""


def export_hugging_face(corpus: Corpus | str | Path, folder: str | Path, progress: Progress = silent) -> None:
    """Write a corpus as a data set that `datasets.load_dataset` reads without a script, whole or not at all.

    Columns: `image` (PNG, an `Image` feature), `label` (`ClassLabel`), `writer`, `order` and the box's four. Each split of the
    corpus is one of the data set. Raises `InputError` unless `folder` is new or empty, `FormatError` where the corpus is damaged.
    """
    corpus, folder = Corpus.of(corpus), Path(folder)
    check_output(folder, corpus.path, folder=True)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} holds something already; name a new folder or an empty one")
    labels = sorted(set(corpus.labels.tolist()))
    counts: dict[Split, int] = {split: corpus.count(split) for split in SPLITS}
    features = _features(labels)
    schema = _schema(features)
    with atomic_folder(folder) as place:
        (place / "data").mkdir()
        with ExitStack() as stack:
            writers = {split: stack.enter_context(_SplitWriter(place, split, counts[split], schema)) for split in SPLITS}
            done = 0
            for samples in corpus.batches():
                for split in SPLITS:
                    part = samples.where(samples.splits == split)
                    if len(part):
                        writers[split].write(_table(part, labels, schema))
                done += len(samples)
                progress("exporting", done, sum(counts.values()))
        (place / "README.md").write_text(_card(corpus, features, counts), encoding="utf-8")


class _SplitWriter:
    """Writes the samples of a split, `SHARD` to a file."""

    def __init__(self, folder: Path, split: str, count: int, schema: pa.Schema) -> None:
        files = -(-count // SHARD)
        self._paths = [folder / "data" / f"{split}-{i:05}-of-{files:05}.parquet" for i in range(files)]
        self._schema = schema
        self._file: Any = None
        self._room = 0

    def __enter__(self) -> _SplitWriter:
        return self

    def write(self, table: pa.Table) -> None:
        """Write these samples, into as many files as they need."""
        while table.num_rows:
            if not self._room:
                self._close()
                path = self._paths.pop(0)
                self._file, self._room = pq.ParquetWriter(path, self._schema, compression="zstd"), SHARD
            part = table.slice(0, self._room)
            try:
                self._file.write_table(part, row_group_size=GROUP)
            except pa.ArrowException as error:  # pragma: no cover  (Arrow turns most of its write errors into OSError)
                raise storage_error(OSError(str(error)), self._paths) from error
            self._room -= part.num_rows
            table = table.slice(part.num_rows)

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _table(samples: LabelledImages, labels: list[str], schema: pa.Schema) -> pa.Table:
    pngs = [_png(image) for image in samples.images]
    images = pa.StructArray.from_arrays([pa.array(pngs, pa.binary()), pa.nulls(len(pngs), pa.string())], ["bytes", "path"])
    columns = [
        images,
        pa.array(np.searchsorted(np.array(labels), samples.labels), pa.int64()),
        pa.array(samples.writers.tolist(), pa.string()),
        pa.nulls(len(samples), pa.int32()) if samples.order is None else pa.array(samples.order, pa.int32()),
        *boxes_to_arrow(samples.boxes, len(samples)),
    ]
    return pa.table(columns, schema=schema)


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def _features(labels: list[str]) -> dict[str, dict[str, Any]]:
    """The columns as `datasets` describes them."""
    value = {"_type": "Value"}
    return {
        "image": {"_type": "Image"},
        "label": {"names": labels, "_type": "ClassLabel"},
        "writer": {"dtype": "string", **value},
        "order": {"dtype": "int32", **value},
        "box": {"feature": {"dtype": "float32", **value}, "length": 4, "_type": "Sequence"},  # `List` since datasets 4
        "unit": {"dtype": "string", **value},
        "device": {"dtype": "string", **value},
        "baseline": {"dtype": "float32", **value},
    }


def _schema(features: dict[str, dict[str, Any]]) -> pa.Schema:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    own = [("image", image), ("label", pa.int64()), ("writer", pa.string()), ("order", pa.int32())]
    metadata = {"huggingface": json.dumps({"info": {"features": features}}, ensure_ascii=False)}
    return pa.schema([*own, *FIELDS], metadata=metadata)


def _card(corpus: Corpus, features: dict[str, dict[str, Any]], counts: dict[Split, int]) -> str:
    """The README: metadata as YAML, each value of which is JSON, and what there is to know."""
    record, total = corpus.record, sum(counts.values())
    present = {split: count for split, count in counts.items() if count}
    licence = LICENCES.get(record.licence, "other")
    metadata: dict[str, Any] = {
        "license": licence,
        **({"license_name": record.licence or "not stated"} if licence == "other" else {}),
        "pretty_name": f"{record.source or corpus.path.stem}, characters by writer",
        "task_categories": ["image-classification"],
        "size_categories": [next((name for limit, name in SIZES.items() if total < limit), "n>1T")],
        "tags": ["handwriting", "writer-adaptation", "allograph"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in present],
            }
        ],
        "dataset_info": {
            "features": [_feature_in_card(name, feature) for name, feature in features.items()],
            "splits": [{"name": split, "num_examples": count} for split, count in present.items()],
        },
    }
    head = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in metadata.items())
    rows = "".join(f"| `{split}` | {count:,} | {record.split_writers.get(split, 0):,} |\n" for split, count in present.items())
    notes = "".join(f"- {note}\n" for note in record.notes)
    return (
        f"---\n{head}---\n\n# {metadata['pretty_name']}\n\n"
        f"{total:,} characters, {record.labels} labels, {record.writers:,} writers: images of 28×28, white ink on black, in the "
        f"`{record.frame}` frame; beside each the writer, its place in the writer's time where that is known (`order`), and how "
        "large it was written before it was framed (`box`: left, top, right, bottom; NaN where that is not known).\n\n"
        f"| split | samples | writers |\n| --- | --- | --- |\n{rows}\n"
        f"Source: {record.origin or 'not stated'}. Licence: {record.licence or 'not stated'}. "
        f"Split: {record.split or 'not stated'}. No writer is in two splits.\n\n"
        f"{notes}\nWritten by allograph: `allograph export hf`.\n"
    )


def _feature_in_card(name: str, feature: dict[str, Any]) -> dict[str, Any]:
    """A column as the hub's cards write it."""
    kind = feature["_type"]
    if kind == "Image":
        return {"name": name, "dtype": "image"}
    if kind == "ClassLabel":
        return {"name": name, "dtype": {"class_label": {"names": {str(i): label for i, label in enumerate(feature["names"])}}}}
    if kind == "Sequence":
        return {"name": name, "sequence": feature["feature"]["dtype"], "length": feature["length"]}
    return {"name": name, "dtype": feature["dtype"]}
