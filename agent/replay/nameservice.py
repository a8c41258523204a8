"""Every name server and resolver of a scenario, as one agent meets them: real messages.

A reply is made once for each state and question, and then given the asker's id.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from vedette.agent.replay.names import Names, NameState, Place
from vedette.agent.replay.states import History, Turns
from vedette.agent.replay.tree import Tree
from vedette.checks.dns.names import spoken
from vedette.checks.net import is_address

ANSWERED = 0.05
"""Seconds until a reply comes."""
SYSTEM = "100.64.0.53"
"""The agent's own resolver, by which it finds pages."""

_RD = 0x01  # a bit of the third octet
_TTL = 3600

HostState = Callable[[str, float], tuple[str, str]]
"""What the agent's own resolver says of a host at a time: the code of its reply, an address."""


class NameService:
    """Answers one agent; *position* is its place in the scenario's list."""

    def __init__(
        self, agent: str, position: int, names: Names, tree: Tree, host: HostState
    ) -> None:
        self._agent = agent
        self._position = position
        self._names = names
        self._tree = tree
        self._host = host
        self._lines: dict[tuple[str, bytes], _Line | _Other] = {}
        self._turns: dict[tuple[Place, str, str], Turns] = {}

    def ask(self, address: str, query: bytes, at: float) -> bytes | None:
        """Return the reply to *query* at a time; None where none comes."""
        key = address, query[2:]
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self._line(address, query)
        tail = line.reply(at)
        return None if tail is None else query[:2] + tail

    def _line(self, address: str, query: bytes) -> "_Line | _Other":
        message = dns.message.from_wire(query)
        name = spoken(message.question[0].name)
        type_ = dns.rdatatype.to_text(message.question[0].rdtype)
        if address == SYSTEM:
            made = cache(partial(_of_host, message, name))
            if type_ != "A":
                return _Other(lambda _at: made("NOERROR", ""))
            return _Other(lambda at: made(*self._host(name, at)))
        zones = self._tree.served_by(address)
        zone = self._tree.zone_of(name, zones)
        if not zones and query[2] & _RD:
            return self._asked(Place("recursive", address), name, type_, message, "")
        if zone is None:
            return _Other(lambda _at: _bare(message, "REFUSED"))
        server = next(s.name for s in self._tree.zones[zone] if s.address == address)
        below = self._tree.cut_below(zone, name)
        if below is None:
            return self._asked(Place("authoritative", address, server), name, type_, message, zone)
        parent = Place("parent", address, server)
        if (below, "NS") == (name, type_):
            return self._asked(parent, name, type_, message, "")
        history = self._names.history(self._agent, parent, below, "NS")
        refer = cache(partial(self._referral, message, below))
        return _Other(lambda at: refer(_said(history.at(at), history)))

    def _asked(
        self, place: Place, name: str, type_: str, message: dns.message.Message, zone: str
    ) -> "_Line | _Other":
        history = self._names.history(self._agent, place, name, type_)

        def make(state: NameState) -> bytes | None:
            if place.kind == "parent":
                return self._parental(message, name, state)
            if place.kind == "authoritative":
                return self._authoritative(message, zone, name, type_, state)
            return self._recursive(message, name, type_, state, history.healthy)

        turns = self._turns.setdefault((place, name, type_), Turns(self._position))
        follows = bool(message.flags & dns.flags.CD)  # asked because the last reply failed
        return _Line(history, turns.fails_again if follows else turns.fails, make)

    def _authoritative(
        self, query: dns.message.Message, zone: str, name: str, type_: str, state: NameState
    ) -> bytes | None:
        if not state.rcode:
            return None
        if state.rcode in ("REFUSED", "SERVFAIL"):
            return _bare(query, state.rcode, state.ede)
        reply = _reply(query, state.rcode, dns.flags.AA, state.ede)
        soa = _soa(zone)
        if (type_, name) == ("SOA", zone):
            reply.answer.append(soa)
            return reply.to_wire()[2:]
        answers = state.answers
        is_unknown = zone in self._tree.made or name in self._names.strangers
        if is_unknown and type_ in ("A", "AAAA") and not answers:
            return _bare(query, "REFUSED")  # unknown to this world is no evidence
        reply.answer.extend(_records(name, type_, answers, state.ttl))
        end = _end(name, answers)
        if not any(_is_record(a) for a in answers) and (
            end == name or self._tree.zone_of(end) == zone
        ):
            reply.authority.append(soa)
        return reply.to_wire()[2:]

    def _recursive(
        self,
        query: dns.message.Message,
        name: str,
        type_: str,
        state: NameState,
        healthy: NameState,
    ) -> bytes | None:
        if not state.rcode:
            return None
        unchecked = bool(query.flags & dns.flags.CD)
        if state.bogus and unchecked and state.cd_ok:
            state = healthy
        secure = state.secure and not state.bogus and state.rcode in ("NOERROR", "NXDOMAIN")
        flags = dns.flags.RA | (dns.flags.AD if secure and not unchecked else 0)
        reply = _reply(query, state.rcode, flags, state.ede)
        if state.rcode in ("NOERROR", "NXDOMAIN"):
            reply.answer.extend(_records(name, type_, state.answers, state.ttl))
        return reply.to_wire()[2:]

    def _parental(self, query: dns.message.Message, name: str, state: NameState) -> bytes | None:
        if not state.rcode:
            return None
        if state.rcode != "NOERROR" or not state.answers:
            flags = dns.flags.AA if state.rcode in ("NOERROR", "NXDOMAIN") else 0
            reply = _reply(query, state.rcode, flags, state.ede)
            if flags:
                reply.authority.append(_soa(self._tree_above(name)))
            return reply.to_wire()[2:]
        return self._referral(query, name, state)

    def _tree_above(self, zone: str) -> str:
        return self._tree.zone_of(zone.partition(".")[2] or ".") or "."

    def _referral(self, query: dns.message.Message, zone: str, state: NameState) -> bytes | None:
        if not state.answers:
            return self._parental(query, zone, state)
        reply = _reply(query, "NOERROR", 0)
        reply.authority.extend(_records(zone, "NS", state.answers, state.ttl))
        for server in state.answers:
            for address in self._tree.addresses.get(server, ()):
                type_ = "AAAA" if ":" in address else "A"
                reply.additional.append(_rrset(server, type_, [address], _TTL))
        return reply.to_wire()[2:]


class _Line:
    """One question to one server: its replies by state, without their ids."""

    def __init__(
        self,
        history: History[NameState],
        fails: Callable[[int, float], bool],
        make: Callable[[NameState], bytes | None],
    ) -> None:
        self._history = history
        self._fails = fails
        self._make = make
        self._made: dict[int, bytes | None] = {}

    def reply(self, at: float) -> bytes | None:
        """Return the reply at a time."""
        number = self._history.number(at)
        share = self._history[number].fail_share
        if number and share < 1.0 and not self._fails(number, share):
            number = 0
        if number not in self._made:
            self._made[number] = self._make(self._history[number])
        return self._made[number]


class _Other:
    """One whose replies depend on something else than its own name."""

    def __init__(self, reply: Callable[[float], bytes | None]) -> None:
        self.reply = reply


def _of_host(query: dns.message.Message, name: str, rcode: str, address: str) -> bytes:
    reply = _reply(query, rcode, dns.flags.RA)
    if rcode == "NOERROR" and address:
        reply.answer.append(_rrset(name, "A", [address], 1))
    return reply.to_wire()[2:]


def _said(state: NameState, history: History[NameState]) -> NameState:
    """Return what a referral says: errors are only those of who asks for the delegation itself."""
    return state if state.rcode in ("NOERROR", "NXDOMAIN") else history.healthy


def _reply(
    query: dns.message.Message, rcode: str, flags: int, ede: int | None = None
) -> dns.message.Message:
    reply = dns.message.make_response(query)
    reply.flags |= flags
    reply.set_rcode(dns.rcode.from_text(rcode))
    if ede is not None:
        reply.use_edns(0, 0, 1232, options=[dns.edns.EDEOption(dns.edns.EDECode.make(ede))])
    return reply


def _bare(query: dns.message.Message, rcode: str, ede: int | None = None) -> bytes:
    return _reply(query, rcode, 0, ede).to_wire()[2:]


def _is_record(answer: str) -> bool:
    return not answer.startswith("CNAME:")


def _end(name: str, answers: Sequence[str]) -> str:
    aliases = [answer[6:] for answer in answers if not _is_record(answer)]
    return aliases[-1] if aliases else name


def _records(name: str, type_: str, answers: Sequence[str], ttl: int) -> Iterator[dns.rrset.RRset]:
    """Yield the chain of aliases, then the records of its end."""
    owner = name
    for answer in answers:
        if not _is_record(answer):
            yield _rrset(owner, "CNAME", [f"{answer[6:]}."], ttl)
            owner = answer[6:]
    if records := [answer for answer in answers if _is_record(answer)]:
        yield _rrset(owner, type_, records, ttl)


def _rrset(name: str, type_: str, texts: Sequence[str], ttl: int) -> dns.rrset.RRset:
    texts = [text if is_address(text) or text.endswith(".") else f"{text}." for text in texts]
    return dns.rrset.from_text_list(_absolute(name), ttl, "IN", type_, texts)


def _soa(zone: str) -> dns.rrset.RRset:
    text = "ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 300"
    return dns.rrset.from_text(_absolute(zone), 300, "IN", "SOA", text)


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name)
