"""Is a zone as secure as it must be, and for how long? Pure: a link and the time in, a finding out.

Facts of a finding: `zone`, `dnssec` (secure, insecure or bogus), `broken_at` (the zone at which the
chain breaks), `broken_at_few` (whether more than half of its servers do not break it),
`signature_expires_at` (epoch seconds, the earliest), `key_tags`, `ds` (the records' texts, or the
anchors').
"""

from vedette.checks.dns.dnssec.link import Link, Security
from vedette.checks.dns.dnssec.signatures import Verified, called, moment
from vedette.checks.dns.names import spoken
from vedette.checks.dns.reason import Reason
from vedette.checks.finding import Fact, Finding, Verdict

_SHARE = 0.1
"""What part of its life may be left of a signature that should have been renewed.

Signers renew when a quarter to a half of its life is left (BIND, PowerDNS), or a tenth at the
latest (Knot DNS). Some signatures live for two days only, since they are made with every answer.
"""


def judge(link: Link, now: float, *, expiring: float, secure_required: bool) -> Finding:
    """Judge a zone at epoch second *now*.

    A signature is expiring when less than *expiring* seconds are left of its life, and less than a
    tenth of it. With *secure_required* an insecure zone fails. The signatures over the zone's
    answers count where the caller has added them to the link's.
    """
    if link.security is Security.BOGUS:
        return _failing(Reason.BOGUS, link.detail, link)
    if link.security is Security.INSECURE and secure_required:
        says = f"{called(link.zone)} must be secure and is not: {link.detail}"
        return _failing(Reason.BOGUS, says, link)
    ending = [s for s in link.signatures if _left(s, now) < min(expiring, _SHARE * _life(s))]
    if ending:
        return _failing(Reason.SIGNATURE_EXPIRING, _ends(min(ending, key=_end), now), link)
    return Finding(verdict=Verdict.OK, detail=link.detail, facts=_facts(link))


def _life(signature: Verified) -> int:
    return signature.expires - signature.inception


def _left(signature: Verified, now: float) -> float:
    return signature.expires - now


def _end(signature: Verified) -> int:
    return signature.expires


def _ends(signature: Verified, now: float) -> str:
    hours = _left(signature, now) / 3600
    return (
        f"the signature over {signature.what} by key {signature.key_tag} has not been renewed and "
        f"expires {moment(signature.expires)}, in {hours:.1f} hours"
    )


def _failing(reason: Reason, detail: str, link: Link) -> Finding:
    return Finding(verdict=Verdict.FAILING, reason=reason, detail=detail, facts=_facts(link))


def _facts(link: Link) -> dict[str, Fact]:
    return {
        "zone": spoken(link.zone),
        "dnssec": link.security.value,
        "broken_at": spoken(link.broken_at) if link.broken_at else None,
        "broken_at_few": link.broken_at_few,
        "signature_expires_at": link.expires,
        "key_tags": tuple(map(str, link.keys.tags)) if link.keys else (),
        "ds": link.ds,
    }
