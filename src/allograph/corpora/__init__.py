"""Corpora: samples with labels and writers, and the sources they are made from."""
