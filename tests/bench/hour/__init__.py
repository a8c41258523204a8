"""An hour of two agents: what they look at, what befalls it, and what they hold meanwhile."""
