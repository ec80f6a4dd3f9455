"""Files: written whole or not at all, read with care, and named in every error.

`atomic` writes so that a killed process leaves the old file; `input` opens files that others made; `json_files` and `csv_rows`
read JSON and tables; `records` checks format versions and the fields of JSON objects; `arrays` and `hashes` are what they say.
"""
