"""Tests of the BGP check."""
