"""Who may be probed through `/probe`, by address; it is asked before every connection."""

from collections.abc import Callable, Sequence

from vedette.checks.policy import LOCAL, METADATA, Network, Policy

Permit = Callable[[str], None]


def lenient(allow: Sequence[Network], deny: Sequence[Network]) -> Permit:
    """Forbid where clouds tell a machine its secrets: who runs the drop-in is inside anyway."""
    return _limits(allow, deny, METADATA)


def strict(allow: Sequence[Network], deny: Sequence[Network]) -> Permit:
    """Forbid also all that is not the public internet."""
    return _limits(allow, deny, (*METADATA, *LOCAL))


def _limits(allow: Sequence[Network], deny: Sequence[Network], usual: Sequence[Network]) -> Permit:
    """Forbid *deny*, then the *usual* unless it is in *allow*."""
    denied, limited = Policy((), deny), Policy(allow, usual)

    def permit(address: str) -> None:
        denied.permit(address)
        limited.permit(address)

    return permit
