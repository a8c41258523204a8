"""Real servers on loopback ports of their own, one module each."""
