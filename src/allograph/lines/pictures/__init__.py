"""From the picture of a line to pieces: its ink thinned to middle lines, so that all that follows is as with a pen's strokes."""
