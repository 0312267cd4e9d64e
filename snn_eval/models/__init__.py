"""Reference networks, adapters for the frameworks, and checkpoint loading."""
