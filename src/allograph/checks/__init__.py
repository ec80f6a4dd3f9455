"""Checks of what is promised: run them on an adapter, a store or a recognizer of your own, as on every one of this package."""

from __future__ import annotations

from allograph.checks.adapter import ModelShape, check_adapter
from allograph.checks.recognizer import check_recognizer
from allograph.checks.store import check_store

__all__ = ["ModelShape", "check_adapter", "check_recognizer", "check_store"]
