"""Tests of the embedded world of `vedette demo`."""
