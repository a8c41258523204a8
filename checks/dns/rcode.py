"""What the error code of a reply means. Pure."""

import dns.message
import dns.rcode

from vedette.checks.dns.message import Question
from vedette.checks.dns.reason import Reason
from vedette.checks.net import NetworkFailure

_REASONS = {
    dns.rcode.SERVFAIL: Reason.SERVFAIL,
    dns.rcode.REFUSED: Reason.REFUSED,
    dns.rcode.FORMERR: Reason.FORMERR,
    dns.rcode.NOTIMP: Reason.NOTIMP,
}


def is_answer(message: dns.message.Message) -> bool:
    """Whether a reply says what there is, or that there is nothing, and not that it will not."""
    return message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


def reason_of(message: dns.message.Message) -> Reason:
    """Return the reason of a reply that is no answer."""
    return _REASONS.get(message.rcode(), Reason.OTHER_RCODE)


def refusal(message: dns.message.Message, question: Question) -> str:
    """Say after the server's name how it does not answer *question*."""
    return f"answers {dns.rcode.to_text(message.rcode())} for {question}"


def require_answer(message: dns.message.Message, question: Question, called: str) -> None:
    """Raise NetworkFailure where the server *called* so does not answer *question*."""
    if not is_answer(message):
        raise NetworkFailure(reason_of(message), f"{called} {refusal(message, question)}")
