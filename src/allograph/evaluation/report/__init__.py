"""Report: the outcome of an evaluation in tables, charts and sentences, as a page, as Markdown and as files for programs."""
