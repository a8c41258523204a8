"""Asks a web service one question over a connection of its own, and judges the answer."""
