"""Mutations of a message in parts: its records, sections and flags, with counts that are true."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import dns.edns
import dns.message
import dns.name
import dns.rdata

LARGEST = 65535
"""Octets that TCP's length can say."""


@dataclass(slots=True)
class Draft:
    """A message in parts; names are written out, so that records can stand anywhere."""

    head: bytes
    """Id and flags."""
    question: bytes
    sections: list[list[bytes]]
    name: bytes
    """The asked name on the wire."""

    def wire(self) -> bytes:
        """Return the message with true counts, as many records of it as fit."""
        room, kept = LARGEST - 12 - len(self.question), list[list[bytes]]()
        for section in self.sections:
            kept.append([])
            for one in section:
                room -= len(one)
                if room >= 0:
                    kept[-1].append(one)
        counts = b"".join(len(section).to_bytes(2) for section in kept)
        records = b"".join(b"".join(section) for section in kept)
        return self.head + b"\0\1" + counts + self.question + records


def record(owner: bytes, rdtype: int, rdata: bytes, ttl: int = 60, rdclass: int = 1) -> bytes:
    """Return a resource record on the wire (RFC 1035 section 4.1.3)."""
    numbers = rdtype.to_bytes(2) + rdclass.to_bytes(2) + ttl.to_bytes(4)
    return owner + numbers + len(rdata).to_bytes(2) + rdata


def drafted(wire: bytes) -> Draft:
    """Return *wire*, a sound message with one question, in parts."""
    end = 12 + owner_end(wire[12:]) + 4
    sections = [list(section) for section in _sections(wire)]
    return Draft(wire[:4], wire[12:end], sections, wire[12 : end - 4])


@cache
def _sections(wire: bytes) -> list[list[bytes]]:
    """Return the records after the question, section by section, OPT among the additional ones."""
    message = dns.message.from_wire(wire)
    sections = [
        [
            record(_octets(rrset.name), rrset.rdtype, _octets(rdata), rrset.ttl, rrset.rdclass)
            for rrset in section
            for rdata in rrset
        ]
        for section in message.sections[1:]
    ]
    if message.opt:
        options = b"".join(_option(option.otype, _octets(option)) for option in message.options)
        sections[2].append(record(b"\0", 41, options, message.ednsflags, message.payload))
    return sections


def _octets(part: dns.name.Name | dns.rdata.Rdata | dns.edns.Option) -> bytes:
    octets = part.to_wire()
    assert octets is not None
    return octets


def _option(code: int, content: bytes) -> bytes:
    return code.to_bytes(2) + len(content).to_bytes(2) + content


def _section(rng: random.Random, draft: Draft) -> list[bytes]:
    """Return a section, one with records where there is one."""
    return rng.choice([section for section in draft.sections if section] or draft.sections)


def _change(rng: random.Random, draft: Draft, change: Callable[[bytes], bytes]) -> None:
    section = _section(rng, draft)
    if section:
        place = rng.randrange(len(section))
        section[place] = change(section[place])


def owner_end(wire: bytes) -> int:
    """Return where the owner name ends, which is written out and whole."""
    at = 0
    while wire[at]:
        at += wire[at] + 1
    return at + 1


def _number(offset: int, size: int, numbers: tuple[int, ...]) -> Callable[..., None]:
    """Return a mutation that puts one of *numbers* after a record's owner."""

    def mutation(rng: random.Random, draft: Draft) -> None:
        number = rng.choice((*numbers, rng.getrandbits(8 * size)))

        def change(wire: bytes) -> bytes:
            at = owner_end(wire) + offset
            return wire[:at] + number.to_bytes(size) + wire[at + size :]

        _change(rng, draft, change)

    return mutation


def _swap(rng: random.Random, draft: Draft) -> None:
    rng.shuffle(draft.sections)


def _drop(rng: random.Random, draft: Draft) -> None:
    section = _section(rng, draft)
    section[:] = [one for one in section if rng.random() < 0.5]


def _double(rng: random.Random, draft: Draft) -> None:
    section = _section(rng, draft)
    if section:
        section += [rng.choice(section)] * rng.choice((1, 2, 50))


def _owner(rng: random.Random, draft: Draft) -> None:
    name = rng.choice(
        (
            b"\0",
            b"\5other\7example\3net\0",
            b"\1*" + draft.name,
            draft.name[draft.name[0] + 1 :],
            draft.name.swapcase(),
            bytes([8]) + rng.randbytes(8) + b"\0",
        )
    )
    _change(rng, draft, lambda wire: name + wire[owner_end(wire) :])


def _long_name(rng: random.Random, draft: Draft) -> None:
    """Put in a record whose owner and target are of 253 to 258 octets."""
    octets = rng.randint(253, 258)
    labels = bytearray()
    while len(labels) < octets - 1:
        size = min(rng.choice((1, 20, 63)), octets - len(labels) - 2)
        if size < 1:
            break
        labels += bytes([size]) + rng.randbytes(size)
    name = bytes(labels) + b"\0"
    draft.sections[0].append(record(draft.name, 5, name))
    draft.sections[0].append(record(name, rng.choice((1, 5)), bytes(4)))


def _opt(rng: random.Random, draft: Draft) -> None:
    """Put in an OPT record, a second one as a rule, with options as no server sends them."""
    codes = (3, 8, 10, 12, 15, 15, rng.getrandbits(16))
    options = b"".join(
        _option(rng.choice(codes), rng.randbytes(rng.choice((0, 1, 2, 40))))
        for _ in range(rng.choice((0, 1, 3)))
    )
    owner = rng.choice((b"\0", b"\0", draft.name))
    section = rng.choice((draft.sections[2], draft.sections[2], draft.sections[0]))
    section.append(record(owner, 41, options, rng.getrandbits(32), rng.getrandbits(16)))


def _chain(rng: random.Random, draft: Draft) -> None:
    """Put in a chain of CNAMEs from the asked name on, which may lead back into itself."""
    names = [draft.name, *(b"\4%04d\4test\0" % link for link in range(rng.choice((1, 3, 16, 300))))]
    if rng.random() < 0.5:
        names.append(rng.choice(names))
    chain = [record(a, 5, b, rng.choice((0, 60))) for a, b in pairwise(names)]
    if rng.random() < 0.5:
        chain.append(record(names[-1], 1, rng.randbytes(4)))
    if rng.random() < 0.5:
        rng.shuffle(chain)
    draft.sections[0][:] = chain


def _rdata(rng: random.Random, draft: Draft) -> None:
    """Put octets at random into a record's data, whose length stays true."""

    def change(wire: bytes) -> bytes:
        end = owner_end(wire)
        data = bytearray(wire[end + 10 :])
        for _ in range(rng.choice((1, 4))):
            if data:
                data[rng.randrange(len(data))] = rng.getrandbits(8)
        data = data[: rng.choice((len(data), len(data), rng.randint(0, len(data))))]
        data += rng.randbytes(rng.choice((0, 0, 1, 300)))
        return wire[: end + 8] + len(data).to_bytes(2) + bytes(data)

    _change(rng, draft, change)


def _flags(rng: random.Random, draft: Draft) -> None:
    changed = draft.head[2] ^ rng.choice((0, 4, 2, 1))
    draft.head = draft.head[:2] + bytes([changed, rng.getrandbits(8)])


def _large(rng: random.Random, draft: Draft) -> None:
    """Fill the message up to 64 KB, rarely, since reading it takes as long as a hundred others."""
    if rng.random() > 0.01:
        return
    kind = rng.choice(("addresses", "names", "aliases", "texts"))
    section = rng.choice(draft.sections)
    while len(section) * 20 < LARGEST:
        number = len(section)
        section.append(
            {
                "addresses": record(draft.name, 1, number.to_bytes(4)),
                "names": record(b"\4%04x" % number + draft.name, 1, bytes(4)),
                "aliases": record(b"\4%04x\0" % number, 5, b"\4%04x\0" % (number + 1)),
                "texts": record(draft.name, 16, b"\4%04x" % number),
            }[kind]
        )


Drafted = Callable[[random.Random, Draft], None]
DRAFTED: Mapping[str, Drafted] = {
    "sections swapped": _swap,
    "records dropped": _drop,
    "records doubled": _double,
    "other owner": _owner,
    "other type": _number(0, 2, (0, 1, 2, 5, 6, 39, 41, 46, 48, 250, 255)),
    "other class": _number(2, 2, (0, 3, 254, 255)),
    "other TTL": _number(4, 4, (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)),
    "other length": _number(8, 2, (0, 1, 3, 5, 255, 65535)),
    "other data": _rdata,
    "long name": _long_name,
    "OPT added": _opt,
    "CNAME chain": _chain,
    "other flags": _flags,
    "64 KB": _large,
}
