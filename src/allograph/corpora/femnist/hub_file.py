"""FEMNIST's Parquet files as the hub has them: `image`, `writer_id`, `hsf_id`, `character`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.parquet import pa, pq
from allograph.errors import FormatError
from allograph.files.input import check_file
from allograph.files.json_files import parse_json
from allograph.images.frames import decode


class HubFile:
    """One Parquet file; opening it reads labels and writers, pictures are read when asked for.

    Raises `FormatError` where the file is damaged or lacks a column.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = self._open()
        schema = file.schema_arrow
        for name in ("image", "writer_id", "character"):
            if schema.get_field_index(name) < 0:
                raise FormatError(f"{path} is not FEMNIST as the hub has it: it lacks the column {name}")
        columns = self._read(lambda: file.read(["writer_id", "character"]))
        if columns["writer_id"].null_count or columns["character"].null_count:
            raise FormatError(f"{path}: {columns['writer_id'].null_count + columns['character'].null_count} entries are missing")
        self.writers = np.array(columns["writer_id"].to_pylist(), dtype=np.str_)
        self.labels = self._labels(columns["character"], schema)

    def __len__(self) -> int:
        return len(self.writers)

    def pictures(self, rows: range) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """The pictures of these samples, uint8 [h, w], each with a name; raises `ImageError` for one that cannot be decoded."""
        file, first = self._open(), 0
        for group in range(file.num_row_groups):
            last = first + file.metadata.row_group(group).num_rows
            wanted = range(max(first, rows.start), min(last, rows.stop))
            if wanted:
                images = self._read(lambda group=group: file.read_row_group(group, ["image"]))["image"]
                for row in wanted:
                    name = f"{self.path}, row {row}"
                    yield name, decode(_bytes(images[row - first].as_py(), name), name)
            first = last

    def _labels(self, column: Any, schema: Any) -> NDArray[np.str_]:
        """Classes by their names, which `datasets` writes into the file."""
        if not pa.types.is_integer(column.type):
            return np.array(column.to_pylist(), dtype=np.str_)
        try:
            features = parse_json((schema.metadata or {}).get(b"huggingface", b"{}"))
            names = np.array(features["info"]["features"]["character"]["names"], dtype=np.str_)
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"{self.path}: character is a number, and the file does not name the classes; write it with the library "
                "datasets, or with the characters as text"
            ) from error
        classes = column.to_numpy()
        if len(classes) and not 0 <= classes.min() <= classes.max() < len(names):
            raise FormatError(f"{self.path}: a character is none of the {len(names)} classes that the file names")
        return names[classes]

    def _open(self) -> Any:
        check_file(self.path)
        return self._read(lambda: pq.ParquetFile(self.path))

    def _read(self, read: Any) -> Any:
        try:
            return read()
        except (pa.ArrowException, OSError) as error:
            raise FormatError(
                f"{self.path} is not a readable Parquet file: it is truncated, damaged or foreign ({error})"
            ) from error


def _bytes(image: Any, name: str) -> bytes:
    """The file of a picture, in the form of `datasets` or by itself."""
    if isinstance(image, bytes):
        return image
    if not isinstance(image, dict) or not isinstance(image.get("bytes"), bytes):
        raise FormatError(f"{name} holds no picture: an image is its bytes and its path, and the bytes are needed")
    return bytes(image["bytes"])
