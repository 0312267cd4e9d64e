"""Adapters: one per framework, each turns a module into a Network."""
