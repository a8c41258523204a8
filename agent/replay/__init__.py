"""An incident in virtual time: the agent's own code in a world that a scenario file describes."""
