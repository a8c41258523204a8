"""Counts that do not depend on the machine, and the ceilings they are held under.

What a look, a whole check or a quiet second takes, counted: calls of Python functions, messages
read, octets held for a moment, blocks kept for ever, system calls. Times are `tests/bench`'s.
"""
