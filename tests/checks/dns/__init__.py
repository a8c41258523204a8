"""Tests of the DNS check, against real servers on loopback."""
