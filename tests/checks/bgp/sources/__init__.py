"""Tests of the sources of routes."""
