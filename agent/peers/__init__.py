"""Agents that agree: what each serves of what it sees, and how it follows the others."""
