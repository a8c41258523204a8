"""Routes as the agent sees them: feeds, ROAs, and what `vedette bgp` tells."""
