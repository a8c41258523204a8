"""Tests of the drop-in for blackbox_exporter."""
