"""DNSSEC: whether signatures lead from a trust anchor down to a zone and its answers (RFC 4035)."""
