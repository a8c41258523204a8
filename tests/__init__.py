"""Tests; they mirror the three packages, and tests/servers starts the real servers."""
