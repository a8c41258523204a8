"""Where routes are heard of: each source tells an intake what it hears, in one vocabulary."""
