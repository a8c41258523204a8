"""Where a server tells of requests that it could not answer: of those that are its own fault."""

import logging

from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger(__name__)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether the fault is ours: of what is no request there is no end, and secrets are in it."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


log.addFilter(_is_ours)
