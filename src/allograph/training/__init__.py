"""Training a base classifier: corpus in, bundle out. Needs the `train` extra."""
