"""Corpora of lines: strokes with the text they show, from a NumPy archive to a Parquet file, and read from there.

`prepare_lines` makes one, `LineCorpus` reads it, and what it gives are `LabelledLine`s. Where it is known which strokes are which
character, the corpus says so: such lines can teach how a line is cut.
"""
