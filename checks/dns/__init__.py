"""Whether every server of a DNS name gives the records it must give."""
