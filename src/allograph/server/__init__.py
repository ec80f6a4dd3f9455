"""The HTTP service: parse, call, answer. `allograph serve` starts it; no method lives here."""
