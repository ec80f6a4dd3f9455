"""Lines of hand print: from strokes or a picture to text, and from corrected text to what a writer's hand is like.

A line is parted into pieces of ink; every run of a few pieces in order may be a character; what the recognizer, the writer's
adapter and the cut model say of each run decides, by dynamic programming, how the line is cut and what it says. Letters are to be
unjoined: joined-up writing is not read, but marked.
"""

from allograph.lines.line import Line, LineCharacter, LineExplanation
from allograph.lines.line_ink import LineInk
from allograph.lines.line_model import LineModel
from allograph.lines.piece import Piece
from allograph.lines.words import Words

__all__ = ["Line", "LineCharacter", "LineExplanation", "LineInk", "LineModel", "Piece", "Words"]
