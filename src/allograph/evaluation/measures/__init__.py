"""Measures: figures made of answers, with their intervals."""
