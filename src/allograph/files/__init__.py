"""Files: written whole or not at all, read with care, and named in every error.

`output` writes so that a killed process leaves the old file; `input` opens what somebody else made; `csv_rows` reads tables that
people write.
"""
