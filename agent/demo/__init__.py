"""The embedded world of `vedette demo`: real servers on loopback, a story, and its screen."""
