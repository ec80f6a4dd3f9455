"""A model run by OpenVINO: many images at once, as many batches at a time as the machine takes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.errors import FormatError, missing_extra

BATCH = 32
"""Images in one call of the model, always: a shape that is known beforehand is computed more quickly."""
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY", "PERFORMANCE_HINT": "THROUGHPUT"}
"""Without the first, OpenVINO computes in bfloat16 where the processor can."""


class OpenVinoModel:
    """An ONNX model whose input is `images`; threads that share it take turns.

    `threads` is how many it may use; None leaves it to OpenVINO (all cores). Raises `MissingExtraError` where OpenVINO is not
    installed, `FormatError` for a model that it cannot load.
    """

    def __init__(self, path: Path, outputs: Sequence[str], threads: int | None = None) -> None:
        try:
            import openvino
        except ImportError as error:
            raise missing_extra("openvino", "openvino") from error
        options: dict[str, Any] = EXACT | ({} if threads is None else {"INFERENCE_NUM_THREADS": threads})
        try:
            core = openvino.Core()
            model = core.read_model(path)
            inner = model.input("images").partial_shape
            inner[0] = BATCH
            model.reshape({"images": inner})
            compiled = core.compile_model(model, "CPU", options)
            self._widths = {name: compiled.output(name).shape[1] for name in outputs}
        except RuntimeError as error:
            raise FormatError(f"{path} is no model that OpenVINO can load ({error}); use onnxruntime") from error
        self._queue = openvino.AsyncInferQueue(compiled)
        self._turn = threading.Lock()

    def run(self, inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs, each float32 [n, …], for inputs [n, 1, 28, 28]."""
        answers = {name: np.empty((len(inputs), width), np.float32) for name, width in self._widths.items()}

        def keep(request: Any, start: int) -> None:
            for name, values in answers.items():
                rows = values[start : start + BATCH]
                rows[:] = request.get_tensor(name).data[: len(rows)]

        with self._turn:
            self._queue.set_callback(keep)
            for start in range(0, len(inputs), BATCH):
                batch = inputs[start : start + BATCH]
                if len(batch) < BATCH:
                    batch = np.concatenate([batch, np.zeros((BATCH - len(batch), *batch.shape[1:]), np.float32)])
                self._queue.start_async({"images": batch}, start)
            self._queue.wait_all()
        return list(answers.values())
