"""The routing information base: who holds the watched prefixes, as far as feeds tell."""
