"""A page as a mail: to a real SMTP server, over TLS, and no header is of the page's making."""

import asyncio
import re
import ssl
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.exporters.test_pagerduty_encode import PAGE
from tests.servers.process import free_port
from tests.servers.smtp import smtp
from vedette.exporters.email import LEFT_FOR, Email, EmailSettings, encode
from vedette.exporters.page import Action, Delivery, Outcome, Page, Repeating
from vedette.exporters.reach import Reach

DELIVERED, RETRY, REJECTED, _ = Outcome
RESOLVE = replace(PAGE, action=Action.RESOLVE, summary="resolved: all is well")
NOW = 1_760_925_630.0
TEXT = st.text(max_size=60) | st.sampled_from(
    ["\r\nBcc: x@y.z", "a\n\nbody", "\x00\x1b[31m", "\ud800"]
)


def settings(port: int, tls: str = "none", **more: Any) -> EmailSettings:
    keys = {"host": "localhost", "port": port, "tls": tls, "from": "vedette@ops.example"}
    return EmailSettings.model_validate({"to": ["a@ops.example", "b@ops.example"], **keys, **more})


async def sent(made: EmailSettings, *pages: Page, password: str | None = None) -> list[Delivery]:
    pager = Email("mail", made, now=lambda: NOW, password=password, reach=Reach(), timeout=5)
    return [await pager.send(page) for page in pages or [PAGE]]


async def test_a_server_is_told_who_sends() -> None:
    """One that wants a whole name or an address, as RFC 5321 does, refuses no page for its want."""
    with smtp() as mailbox:
        done = await sent(settings(mailbox.port))
    assert [one.outcome for one in done] == [DELIVERED]
    assert mailbox.greeted_by == {"[127.0.0.1]"}


def test_details_are_read_line_by_line() -> None:
    """Each name has a line and no JSON, what is empty says so, and nothing is said twice."""
    details = {
        "diagnosis": PAGE.diagnosis,
        "last_known_good": {"shop.example A": "192.0.2.1", "shop.example NS": "ns1, ns2"},
        "symptoms": [],
    }
    mail = message_from_bytes(
        encode(replace(PAGE, details=details), "a@ops.example", ["b@ops.example"], NOW),
        policy=default,
    )
    text = mail.get_content().replace("\r\n", "\n")

    assert "last_known_good:\n  shop.example A: 192.0.2.1\n  shop.example NS: ns1, ns2\n" in text
    assert text.endswith("symptoms:\n  none\n")
    assert text.count("diagnosis") == 1


def secured(folder: Path, host: str = "localhost") -> ssl.SSLContext:
    """Return the context of a server that is *host*, by an authority in *folder*."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def test_pages_that_read_alike_are_mails_apart() -> None:
    """Of two drills, or the ends of two storms, each has a Message-ID; of one page each try does.

    Where both had the same, a server that drops duplicates would never show the second.
    """
    mails = [
        message_from_bytes(encode(one, "a@b.example", ["x@y.example"], now))
        for one, now in ((PAGE, 0.0), (PAGE, 9.0), (replace(PAGE, began_at=60.0), 60.0))
    ]
    first, again, other = (mail["Message-ID"] for mail in mails)
    assert first == again != other


@pytest.mark.parametrize("length", [8, 20, 60])
def test_a_long_domain_breaks_no_thread(length: int) -> None:
    """What mails refer to is on the wire as it is, which is how mail programs compare it."""
    domain = f"{'a' * length}.{'b' * length}.ops.example"
    mail = message_from_bytes(encode(PAGE, f"vedette@{domain}", ["x@y.example"], NOW))
    thread, own = mail["References"].strip(), mail["Message-ID"].strip()
    assert mail["In-Reply-To"].strip() == thread
    for id_ in (thread, own):
        assert re.fullmatch(rf"<vedette\.[.0-9a-f]+@{domain}>", id_)


async def test_an_incident_is_one_thread() -> None:
    """Trigger and resolve arrive at all recipients, readable, and refer to one thread."""
    with smtp() as mailbox:
        done = await sent(settings(mailbox.port), PAGE, RESOLVE, PAGE)
    assert [one.outcome for one in done] == [DELIVERED] * 3
    assert [e.rcpt_tos for e in mailbox.envelopes] == [["a@ops.example", "b@ops.example"]] * 3
    first, last, again = mailbox.mails
    assert first["References"] == first["In-Reply-To"] == last["References"]
    assert first["Message-ID"] == again["Message-ID"] != last["Message-ID"]
    assert first["Subject"] == "[critical] dynamodb: record_emptied"
    assert last["Subject"] == "resolved: all is well"
    assert first["From"].addresses[0].addr_spec == "vedette@ops.example"
    assert first["Auto-Submitted"] == "auto-generated"
    body = first.get_content()
    assert "evidence:\n  4 of 4 servers answer NODATA" in body.replace("\r\n", "\n")
    assert "agents:\n  fra-1\n  nyc-1" in body.replace("\r\n", "\n")


@given(st.builds(replace, st.just(PAGE), summary=TEXT, key=TEXT, subject=TEXT, source=TEXT))
def test_no_page_writes_a_header(page: Page) -> None:
    """Whatever a page holds, the mail has our headers, our recipients, and one line for each."""
    raw = encode(page, "v@x.example", ["to@x.example"], NOW)
    mail = message_from_bytes(raw, policy=default)

    expected = {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
        "Auto-Submitted", "Importance", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    assert {*mail.keys()} == expected
    assert len(mail.keys()) == len(expected)
    assert mail["To"] == "to@x.example"
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert mail.defects == []


@pytest.mark.parametrize("starttls", [True, False], ids=["starttls", "tls"])
async def test_over_tls_with_a_password(tmp_path: Path, starttls: bool) -> None:
    """By STARTTLS, or TLS from the first octet, the password is given and the mail taken."""
    how = {"tls": "starttls" if starttls else "tls", "ca_file": str(tmp_path / "ca.pem")}
    with smtp(secured(tmp_path), starttls=starttls, auth=True) as mailbox:
        made = settings(mailbox.port, username="me", password_file="unread", **how)
        right = await sent(made, password="right")
        wrong = await sent(made, password="wrong-s3cret")
    assert [one.outcome for one in (*right, *wrong)] == [DELIVERED, REJECTED]
    assert mailbox.logins[0] == (b"me", b"right")
    assert "s3cret" not in wrong[0].detail


@pytest.mark.parametrize("starttls", [True, False], ids=["starttls", "tls"])
async def test_a_stranger_gets_nothing(tmp_path: Path, starttls: bool) -> None:
    """Where the certificate is of another name, neither password nor mail is given away."""
    how = {"tls": "starttls" if starttls else "tls", "ca_file": str(tmp_path / "ca.pem")}
    context = secured(tmp_path, "elsewhere.example")
    with smtp(context, starttls=starttls, auth=True) as mailbox:
        made = settings(mailbox.port, username="me", password_file="unread", **how)
        (seen,) = await sent(made, password="right")
    assert seen.outcome is RETRY
    assert "certificate" in seen.detail.lower()
    assert not mailbox.logins


async def test_starttls_that_is_not_offered_is_no_delivery(tmp_path: Path) -> None:
    """A server, or somebody before it, that offers no STARTTLS gets no mail in clear text."""
    with smtp() as mailbox:
        (seen,) = await sent(settings(mailbox.port, "starttls"))
    assert seen.outcome is RETRY
    assert not mailbox.envelopes


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 4.3.0 later", RETRY),
        ("554 5.7.1 no spam, please", REJECTED),
        ("552 too big", REJECTED),
    ],
)
async def test_each_answer_has_its_outcome(answer: str, outcome: Outcome) -> None:
    """Codes of 400 are tried again, codes of 500 are for good, and the words are passed on."""
    with smtp() as mailbox:
        mailbox.to_data = [answer]
        (seen,) = await sent(settings(mailbox.port))
    assert (seen.outcome, seen.detail.split("; ")[-1]) == (outcome, answer[4:])


@pytest.mark.parametrize(
    ("refused", "outcome"),
    [
        ({"a@ops.example": "550 unknown"}, DELIVERED),
        ({"a@ops.example": "550 unknown", "b@ops.example": "550 unknown"}, REJECTED),
        ({"a@ops.example": "550 unknown", "b@ops.example": "450 later"}, RETRY),
    ],
)
async def test_one_recipient_is_enough(refused: dict[str, str], outcome: Outcome) -> None:
    """A mail that one recipient gets is delivered, and who did not is said."""
    with smtp() as mailbox:
        mailbox.to_rcpt = refused
        (seen,) = await sent(settings(mailbox.port))
    assert seen.outcome is outcome
    assert outcome is not DELIVERED or "not for a@ops.example" in seen.detail


async def test_who_could_not_be_given_a_mail_then_gets_it_later() -> None:
    """One recipient has it, and the other, refused for now, is tried alone until it has it too."""
    with smtp() as mailbox:
        mailbox.to_rcpt = {"a@ops.example": "450 4.1.2 domain not found"}
        pager = Email("mail", settings(mailbox.port), now=lambda: NOW, reach=Reach(), timeout=5)
        assert isinstance(pager, Repeating)
        first, again = await pager.send(PAGE), await pager.repeat()
        mailbox.to_rcpt = {}
        later, never = await pager.repeat(), await pager.repeat()
    assert [one.outcome for one in (first, again, later, never)] == [
        DELIVERED, RETRY, DELIVERED, DELIVERED,
    ]  # fmt: skip
    assert "domain not found" in again.detail
    assert [one.rcpt_tos for one in mailbox.envelopes] == [["b@ops.example"], ["a@ops.example"]]
    assert len({one.content for one in mailbox.envelopes}) == 1


@pytest.mark.parametrize("page", [RESOLVE, replace(PAGE, summary="another cause")])
async def test_nobody_gets_a_mail_when_there_is_a_newer_one(page: Page) -> None:
    """Of an incident that goes on or is over, what is told late is what is true now."""
    with smtp() as mailbox:
        mailbox.to_rcpt = {"a@ops.example": "450 later"}
        pager = Email("mail", settings(mailbox.port), now=lambda: NOW, reach=Reach(), timeout=5)
        await pager.send(PAGE)
        mailbox.to_rcpt = {}
        await pager.send(page)
        assert (await pager.repeat()).outcome is DELIVERED
    assert [one.rcpt_tos for one in mailbox.envelopes] == [
        ["b@ops.example"], ["a@ops.example", "b@ops.example"],
    ]  # fmt: skip


async def test_who_cannot_be_given_a_mail_is_left_alone_after_an_hour() -> None:
    """A mailbox that is full for days is not tried for days; nor is one that does not exist."""
    times = iter([NOW, NOW + 60, NOW + LEFT_FOR])
    with smtp() as mailbox:
        mailbox.to_rcpt = {"a@ops.example": "452 full"}
        made = settings(mailbox.port, to=["a@ops.example", "b@ops.example"])
        pager = Email("mail", made, now=lambda: next(times), reach=Reach(), timeout=5)
        await pager.send(PAGE)
        seen = [(await pager.repeat()).outcome for _ in range(3)]
    assert seen == [RETRY, RETRY, DELIVERED]


async def test_a_mail_that_was_taken_is_delivered_whatever_comes_after() -> None:
    """A server that says no goodbye has the mail: sent again, it would come again and again."""
    with smtp() as mailbox:
        mailbox.is_silent = True
        (seen,) = await sent(settings(mailbox.port))
    assert (seen.outcome, len(mailbox.envelopes)) == (DELIVERED, 1)


async def test_nobody_listens() -> None:
    """A refused connection is worth another try."""
    (seen,) = await sent(settings(free_port()))
    assert seen.outcome is RETRY
    assert seen.detail


async def test_a_busy_server_is_left_for_another() -> None:
    """Where one server of several says that it is too busy, the next attempt goes to another."""

    async def both(_: str) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async def busy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 too many connections\r\n")
        writer.close()

    with smtp() as mailbox:
        server = await asyncio.start_server(busy, "127.0.0.2", mailbox.port)
        made = settings(mailbox.port, host="mail.test")
        pager = Email("mail", made, now=lambda: NOW, reach=Reach(system=both), timeout=5)
        seen = [(await pager.send(PAGE)).outcome for _ in range(2)]
        server.close()
    assert seen == [RETRY, DELIVERED]
