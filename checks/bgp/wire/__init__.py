"""Octets to updates: BGP, MRT and BMP. Rule: no I/O, and WireError is all that is raised."""
