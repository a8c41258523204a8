"""A feed: a source of routes and the RIB that it keeps current."""
