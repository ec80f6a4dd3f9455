"""Images: from a picture of one character to the 28×28 frame that a recognizer reads (paper §4.2)."""
