"""Tries to break what reads files and what survives a kill; how, and what came of it: docs/reliability.md."""
