"""Evaluation: embedded corpus in, report out."""
