"""The RPKI: validated ROA payloads, where they come from, and what they say of routes."""
