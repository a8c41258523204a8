"""Which failure of which one domain leaves the fleet blind, mute or without quorum.

Rule: pure; no I/O.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette.agent.audit.part import FailureDomain, Kind, Need, Part, Role, of_role

_KINDS = (Kind.ACCOUNT, Kind.CLUSTER, Kind.DNS, Kind.ASN, Kind.REGION, Kind.PROVIDER)
"""The narrowest first: it is named where several of them say the same."""


class Harm(StrEnum):
    """What a single failure does to the fleet, the worst first."""

    BLIND = "blind"
    MUTE = "mute"
    NO_QUORUM = "no_quorum"
    SHARED_FATE = "shared_fate"


@dataclass(frozen=True, slots=True)
class Finding:
    """One failure that harms the fleet, by what, and what to do."""

    harm: Harm
    domains: Sequence[FailureDomain]
    """Domains of which each alone does it: an AS and the provider that runs it, as a rule."""
    parts: Sequence[str]
    services: Sequence[str]
    text: str


def findings(parts: Sequence[Part], agree: int) -> Sequence[Finding]:
    """Return what the failure of each one domain does, the worst first.

    *agree* is the number of distinct voices that a page needs. Domains that do the same are told
    together.
    """
    found: dict[tuple[Harm, tuple[str, ...], tuple[str, ...]], list[FailureDomain]] = {}
    why: dict[tuple[Harm, tuple[str, ...], tuple[str, ...]], Need | None] = {}
    for domain in sorted({d for part in parts for d in part.domains}):
        services = tuple(p.name for p in of_role(parts, Role.SERVICE) if p.lost_with(domain))
        for harm, lost in _harms(parts, domain, agree, bool(services)):
            key = harm, tuple(map(str, lost)), services
            found.setdefault(key, []).append(domain)
            why.setdefault(key, lost[0].lost_with(domain))
    made = [_finding(*key, domains, why[key]) for key, domains in found.items()]
    return sorted(made, key=lambda one: (list(Harm).index(one.harm), one.text))


def _harms(
    parts: Sequence[Part], domain: FailureDomain, agree: int, hits_service: bool
) -> Iterator[tuple[Harm, Sequence[Part]]]:
    vantages = list(of_role(parts, Role.VANTAGE))
    lost = [one for one in vantages if one.lost_with(domain)]
    voices = {one.voice for one in vantages}
    left = {one.voice for one in vantages if one not in lost}
    if lost and not left:
        # One agent alone is always lost with its host; that is worth a word where it matters.
        yield Harm.BLIND, lost
    elif lost and len(left) < min(agree, len(voices)):
        yield Harm.NO_QUORUM, lost
    elif lost and hits_service:
        yield Harm.SHARED_FATE, lost
    pagers = list(of_role(parts, Role.PAGER))
    silent = [one for one in pagers if one.lost_with(domain)]
    if silent and len(silent) == len(pagers):
        yield Harm.MUTE, silent
    elif silent and hits_service:
        yield Harm.SHARED_FATE, silent
    switches = list(of_role(parts, Role.HEARTBEAT))
    deaf = [one for one in switches if one.lost_with(domain)]
    if deaf and len(deaf) == len(switches) and (hits_service or lost):
        yield Harm.SHARED_FATE, deaf


def _finding(
    harm: Harm,
    parts: tuple[str, ...],
    services: tuple[str, ...],
    domains: Sequence[FailureDomain],
    need: Need | None,
) -> Finding:
    shown = sorted(domains, key=lambda d: (_KINDS.index(d.kind), d.name))
    named = _listed([*map(str, shown)], "or")
    text = f"if {named} fails, {_effect(harm, parts)}"
    if need is not None:
        text += f" ({need.what})"
    if services:
        text += f", and {_listed(services)} with it"
    return Finding(harm, shown, parts, services, f"{text}: {_REMEDY[harm]}")


def _effect(harm: Harm, parts: Sequence[str]) -> str:
    lost = f"{_listed(parts)} {'is' if len(parts) == 1 else 'are'} lost"
    match harm:
        case Harm.BLIND:
            return f"{lost} and nobody sees anything"
        case Harm.MUTE:
            return f"{lost} and nobody is told anything"
        case Harm.NO_QUORUM:
            return f"{lost} and too few are left to agree"
        case Harm.SHARED_FATE:
            return lost


_REMEDY = {
    Harm.BLIND: "run an agent that hangs on none of it",
    Harm.MUTE: "add a pager that hangs on none of it",
    Harm.NO_QUORUM: "add an agent of another provider",
    Harm.SHARED_FATE: "move what watches away from what is watched",
}


def _listed(words: Sequence[str], joined: str = "and") -> str:
    """Return *words* as a list in a sentence, the last one *joined* by a word."""
    return f" {joined} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
