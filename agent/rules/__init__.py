"""Alarms as rules for a Prometheus: the same words and thresholds, judged over many agents' votes.

Rule: pure; a config's plan in, text out.
"""
