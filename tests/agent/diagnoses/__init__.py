"""Tests of the standard diagnoses."""
