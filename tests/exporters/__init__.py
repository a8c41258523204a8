"""Tests of what leaves the agent."""
