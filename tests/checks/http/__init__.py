"""Tests of the HTTP kind: a real nginx for what is well, a raw server for what is not."""
