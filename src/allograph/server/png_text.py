"""Images as the Base64 of a PNG."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray


def png_text(image: NDArray[np.uint8]) -> str:
    """A sample, uint8 [28, 28], as Base64 of a PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
