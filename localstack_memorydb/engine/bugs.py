"""What is logged of an error that is ours: where it was raised, and not its text, which may hold what a client sent."""

from __future__ import annotations

import logging
import traceback

LOG = logging.getLogger(__name__)


def log_bug(what: str, error: BaseException) -> None:
    """Logs that this went wrong, the type of the error and the lines that it came through."""
    places = "".join(traceback.format_tb(error.__traceback__))
    LOG.error("internal error %s: %s, raised at\n%s", what, type(error).__name__, places)


def failed(error: Exception, argv: list[bytes] | None) -> bytes:
    """What a request gets that met a bug: an error that tells nothing of its arguments; nothing, if it was empty."""
    if not argv:
        return b""
    log_bug(f"in {argv[0][:64]!r}", error)
    return b"-ERR internal error\r\n"
