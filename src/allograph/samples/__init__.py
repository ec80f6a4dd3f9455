"""Samples: one character each, whose writer has a name; and when two values that hold arrays are the same."""
