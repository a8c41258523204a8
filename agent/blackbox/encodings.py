"""Whether an Accept-Encoding header lets a server answer with some content coding.

Rule: no I/O (RFC 9110 section 12.5.3, as blackbox_exporter reads it).
"""


def acceptable(coding: str, header: str) -> bool:
    """Whether *coding* is acceptable to who sends *header*; a quality of 0 forbids."""
    if not header.strip():
        return True
    qualities = dict(_weighed(part) for part in header.split(",") if part.strip())
    if coding in qualities:
        return qualities[coding] > 0
    return qualities.get("*", 0.0) > 0


def _weighed(part: str) -> tuple[str, float]:
    coding, _, parameter = part.strip().partition(";")
    name, _, value = parameter.strip().partition("=")
    try:
        quality = float(value) if name.strip() == "q" else 1.0
    except ValueError:
        quality = 0.0
    return coding.strip(), quality
