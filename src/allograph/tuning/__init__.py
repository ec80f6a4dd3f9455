"""Tuning: every adapter's parameters, chosen on writers that the recognizer was not trained on, and written into the bundle."""
