"""Shared fate: what the watchers and the watched hang on, and which one failure takes both."""
