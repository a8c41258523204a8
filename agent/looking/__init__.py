"""Looking: when, how often, and each look an observation."""
