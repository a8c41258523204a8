"""HTTP/2 for one request (RFC 9113), as the kinds that speak it begin and end it.

Rule: no I/O. Apart from what else they share, since h2 takes 2 MB that few need.
"""

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

WINDOW = 1 << 17
"""Octets that a server may send of an answer before we have said that they came."""


class _Open(h2.connection.H2ConnectionStateMachine):
    """After its GOAWAY a server may still answer what it was asked before (section 6.8)."""

    _transitions = h2.connection.H2ConnectionStateMachine._transitions | {  # noqa: SLF001
        (
            h2.connection.ConnectionState.CLIENT_OPEN,
            h2.connection.ConnectionInputs.RECV_GOAWAY,
        ): (None, h2.connection.ConnectionState.CLIENT_OPEN)
    }


def connection(config: h2.config.H2Configuration) -> h2.connection.H2Connection:
    """Return a client's connection that takes no pushes."""
    made = h2.connection.H2Connection(config)
    made.state_machine = _Open()
    made.local_settings = h2.settings.Settings(
        initial_values={
            h2.settings.SettingCodes.ENABLE_PUSH: 0,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
        }
    )
    return made


def leaves(event: h2.events.ConnectionTerminated, stream: int) -> bool:
    """Whether a server that takes no more requests will not answer that on *stream* either."""
    last = event.last_stream_id or 0
    return event.error_code != h2.errors.ErrorCodes.NO_ERROR or last < stream


def words(code: h2.errors.ErrorCodes | int | None) -> str:
    """Return what an error is called."""
    if isinstance(code, h2.errors.ErrorCodes):
        return code.name.lower().replace("_", " ")
    return f"error {code}"
