"""How facts leave the agent: Prometheus text and pages."""
