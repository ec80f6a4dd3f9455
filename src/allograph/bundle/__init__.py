"""A bundle: a folder with a model, its styles, its adapters' statistics and its configuration."""

from __future__ import annotations

from allograph.bundle.config import BundleConfig
from allograph.bundle.folder import CONFIG, MODEL, SHIPPED, STATISTICS, STYLES, Bundle, check_place, write_bundle
from allograph.bundle.reference import BundleReference

__all__ = [
    "CONFIG",
    "MODEL",
    "SHIPPED",
    "STATISTICS",
    "STYLES",
    "Bundle",
    "BundleConfig",
    "BundleReference",
    "check_place",
    "write_bundle",
]
