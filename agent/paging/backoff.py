"""How long to wait before the next try: what is refused for now is not asked again at once."""

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0


def backoff(attempts: int, asked: float | None, chance: float) -> float:
    """Return the seconds before the next try: what the receiver asked, or full jitter 1 s → 60 s.

    *chance* is in [0, 1).
    """
    if asked is not None:
        return asked
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts, 16)) * chance
