"""What the service does, a file for each kind of operation."""
