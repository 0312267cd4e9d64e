"""Training of reference networks: a plain, readable loop."""
