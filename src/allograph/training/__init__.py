"""Training: the paper's network on a corpus (`train`), or anyone's ONNX model (`adopt`), made into a bundle.

`schedule`, `network`, `augment`, `fit`, `features` and `export` are the steps of a training, `run` is all of them; `onnx_file`,
`preprocessing`, `onnx_graph` and `other_settings` are those of adopting a model, `own_model` is all of them. Both ways end with
`survey` and `statistics`, which embed the corpus and gather what adapters need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allograph.training.own_model import adopt as adopt
    from allograph.training.preprocessing import Preprocessing as Preprocessing
    from allograph.training.run import train as train
    from allograph.training.schedule import Schedule as Schedule

_MODULES = {"Preprocessing": "preprocessing", "Schedule": "schedule", "adopt": "own_model", "train": "run"}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Load a name of this room when it is first used: `train` needs torch, `adopt` onnx."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
