"""Mutated replies end in a reason, soon, and without an exception; `make soak` treats a million."""

from collections import Counter
from collections.abc import Callable
from time import thread_time

import pytest

from tests.checks.dns.messages import API
from tests.checks.dns.mutated_octets import OCTETS
from tests.checks.dns.mutated_records import DRAFTED, record
from tests.checks.dns.mutations import ID, Case, corpus, mutated, outcome
from vedette.checks.dns.judge import Rules
from vedette.checks.dns.reason import Reason

CASES = 4000
SOON = 1.0
"""CPU seconds; the largest message takes a quarter of it."""


def test_always_a_reason_and_soon() -> None:
    """Every case ends in one word, at most a second of CPU later; what failed is named."""
    failed, seen = [], Counter[str]()
    for seed in range(CASES):
        case, start = mutated(seed), thread_time()
        try:
            seen[outcome(case)] += 1
        except Exception as error:  # noqa: BLE001 - every exception is what we look for
            failed.append((seed, case.how, repr(error)))
        if thread_time() - start > SOON:
            failed.append((seed, case.how, f"{thread_time() - start:.1f} s"))
    assert not failed
    wanted = {"ok", "stray", "truncated", Reason.MALFORMED, Reason.MISMATCHED, Reason.CNAME_LOOP}
    wanted |= {Reason.NODATA, Reason.NXDOMAIN, Reason.WRONG_ANSWER, Reason.LAME, Reason.TTL}
    assert wanted <= set(seen), "the mutations are too wild or too tame"


def test_every_mutation_is_made() -> None:
    """The cases use every reply of the corpus and every mutation, and a number gives one case."""
    cases = [mutated(seed) for seed in range(CASES)]
    assert {name for case in cases for name in case.how} == {*DRAFTED, *OCTETS}
    assert {case.question for case in cases} == {reply.question for reply in corpus()}
    assert cases[:50] == [mutated(seed) for seed in range(50)]


HERE = b"\xc0\x0c"
"""A pointer to the asked name."""
OPT = record(b"\0", 41, b"", 0, 1232)


def reply(
    *answers: bytes, additional: tuple[bytes, ...] = (), more: int = 0, octets: bytes = b""
) -> bytes:
    """Answer with records as they are; *more* are counted and not there, *octets* follow."""
    counts = (1, len(answers) + more, 0, len(additional))
    head = ID + b"\x84\0" + b"".join(count.to_bytes(2) for count in counts)
    return head + API.tail[10 : 10 + API.length] + b"".join((*answers, *additional)) + octets


def address(owner: bytes = HERE, ttl: int = 60) -> bytes:
    """Return an A record."""
    return record(owner, 1, b"\xc0\0\2\1", ttl)


def long_name(octets: int) -> bytes:
    """Return a name of so many octets, up to 260."""
    rest = octets - 1 - 3 * 64
    return 3 * (b"\x3f" + 63 * b"a") + bytes([rest - 1]) + (rest - 1) * b"a" + b"\0"


def stairs(steps: int, records: int) -> bytes:
    """Answer with records whose owner is the last of so many pointers, each to the one before."""
    at = 12 + API.length + 12
    first = (0xC000 | 12).to_bytes(2)
    pointers = [first, *((0xC000 | at + 2 * step).to_bytes(2) for step in range(steps - 1))]
    top = (0xC000 | at + 2 * (steps - 1)).to_bytes(2)
    return reply(record(HERE, 65280, b"".join(pointers)), *[address(top)] * records)


LOOP = (0xC000 | 12 + API.length).to_bytes(2)
"""A pointer to where the first answer's owner stands."""
OTHER = b"\5other\7example\0"

NAMED: dict[str, tuple[Callable[[], bytes], str]] = {
    "as it should be": (lambda: reply(address()), "ok"),
    "TTL 0": (lambda: reply(address(ttl=0)), "ok"),
    "TTL with its highest bit": (lambda: reply(address(ttl=0x80000000)), "ok"),
    "octets after the message": (lambda: reply(address(), octets=b"\0\xff"), "ok"),
    "OPT": (lambda: reply(address(), additional=(OPT,)), "ok"),
    "OPT twice": (lambda: reply(address(), additional=(OPT, OPT)), Reason.MALFORMED),
    "OPT as an answer": (lambda: reply(OPT), Reason.MALFORMED),
    "a pointer to itself": (lambda: reply(address(LOOP)), Reason.MALFORMED),
    "a pointer ahead": (lambda: reply(address(b"\xc0\xff")), Reason.MALFORMED),
    "a name of 255 octets": (lambda: reply(record(HERE, 5, long_name(255))), "ok"),
    "a name of 256 octets": (lambda: reply(record(HERE, 5, long_name(256))), Reason.MALFORMED),
    "another name's answer": (lambda: reply(address(OTHER)), Reason.MISMATCHED),
    "fewer records than counted": (lambda: reply(address(), more=1), Reason.MALFORMED),
    "an address of five octets": (lambda: reply(record(HERE, 1, bytes(5))), Reason.MALFORMED),
    "a CNAME to itself": (lambda: reply(record(HERE, 5, HERE)), Reason.CNAME_LOOP),
    "no answer": (reply, Reason.NODATA),
    "64 KB of pointers to pointers": (lambda: stairs(8000, 3000), Reason.MALFORMED),
    "only a header": (lambda: reply()[:12], Reason.MALFORMED),
    "less than a header": (lambda: reply()[:11], Reason.MALFORMED),
}


@pytest.mark.parametrize("title", NAMED)
def test_named(title: str) -> None:
    """What a hostile or broken server may send has its reason, and is found out soon."""
    wire, expected = NAMED[title]
    case = Case(0, API, wire(), Rules(authoritative=True), ())
    assert len(case.wire) <= 65535
    start = thread_time()
    assert outcome(case) == expected
    assert thread_time() - start < SOON
