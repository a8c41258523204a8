"""From an incident to a human: words, routes, and the way out."""
