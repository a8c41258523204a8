"""Tests of vedette.checks.dns.transport."""
