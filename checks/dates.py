"""Dates as others write them, in epoch seconds; one that names no zone is in UTC."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def of_header(text: str | None) -> float | None:
    """Return the date of an HTTP header (RFC 9110 section 5.6.7); None for what is none."""
    try:
        return _epoch(parsedate_to_datetime(text or ""))
    except (ValueError, OverflowError):
        return None


def of_iso(text: str) -> float:
    """Return the date that is *text* by ISO 8601; raise TypeError, ValueError or OverflowError."""
    return _epoch(datetime.fromisoformat(text))


def _epoch(date: datetime) -> float:
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
