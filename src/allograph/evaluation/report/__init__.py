"""Reports: figures as tables, charts, a page, and files for other programs."""
