"""Whom receivers are vouched for by: files are renewed while pages go out."""

import ssl
from pathlib import Path

import pytest
import trustme

from tests.exporters.test_email import settings
from tests.exporters.test_pagerduty_encode import PAGE
from tests.exporters.test_reach import HOST, receiver, tells
from tests.servers.smtp import smtp
from vedette.exporters.email import Email
from vedette.exporters.page import Outcome
from vedette.exporters.post import Poster
from vedette.exporters.reach import Reach
from vedette.exporters.trust import trusting
from vedette.exporters.webhook import Signed


async def test_a_renewed_authority_counts_from_the_next_page_on(tmp_path: Path) -> None:
    """A receiver whose private authority is another one is trusted once the file has that."""
    file, before, after = tmp_path / "ca.pem", trustme.CA(), trustme.CA()
    before.cert_pem.write_to_path(file)
    async with receiver(before) as old, receiver(after) as new:
        reach = Reach((), system=tells("127.0.0.1"))
        pagers = [
            Signed(f"https://{HOST}:{one.port}/", "s" * 24, reach, now=lambda: 0, ca_file=str(file))
            for one in (old, new)
        ]
        first = [(await pager.post(b"{}")).outcome for pager in pagers]
        after.cert_pem.write_to_path(file)
        then = [(await pager.post(b"{}")).outcome for pager in pagers]
        for pager in pagers:
            await pager.close()
    assert (first, then) == (
        [Outcome.DELIVERED, Outcome.RETRY],
        [Outcome.RETRY, Outcome.DELIVERED],
    )


async def test_a_mail_server_may_have_another_authority(tmp_path: Path) -> None:
    """So it is with mail: the pager that was made before goes by the file as it is now."""
    authority, served = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    with smtp(served) as mailbox:
        made = settings(mailbox.port, "tls", ca_file=str(tmp_path / "ca.pem"))
        pager = Email("mail", made, now=lambda: 0, reach=Reach())
        strange = await pager.send(PAGE)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        known = await pager.send(PAGE)
    assert [strange.outcome, known.outcome] == [Outcome.RETRY, Outcome.DELIVERED]


async def test_a_broken_file_leaves_what_was_read_before(tmp_path: Path) -> None:
    """While somebody writes the file of an authority, pages go out by what it held."""
    file, authority = tmp_path / "ca.pem", trustme.CA()
    authority.cert_pem.write_to_path(file)
    async with receiver(authority) as there:
        reach = Reach((), system=tells("127.0.0.1"))
        poster = Poster(reach, [], tls=trusting(str(file)))
        url, outcomes = f"https://{HOST}:{there.port}/", []
        for text in (file.read_text(), "half a", None):
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
            answer = await poster.post(url, b"{}", accepted=(202,))
            outcomes.append(answer.delivery.outcome)
        await poster.close()
    assert outcomes == [Outcome.DELIVERED] * 3


async def test_our_own_certificate_is_shown_as_it_is_now(tmp_path: Path) -> None:
    """A client certificate that was renewed in place is the one that a receiver is shown."""
    authority = trustme.CA()
    files = [str(tmp_path / name) for name in ("ca.pem", "own.pem", "own.key")]
    authority.cert_pem.write_to_path(files[0])
    shown = []
    for name in ("first.test", "second.test"):
        pair = authority.issue_cert(name)
        pair.cert_chain_pems[0].write_to_path(files[1])
        pair.private_key_pem.write_to_path(files[2])
        shown.append(trusting(*files)())
    assert shown[0] is not shown[1]


def test_a_certificate_without_its_key_is_said_so(tmp_path: Path) -> None:
    """What was never of use is a sentence with the file's name."""
    trustme.CA().issue_cert("a.test").cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
    with pytest.raises(ValueError, match=r"cannot use .*own\.pem with its key"):
        trusting(None, str(tmp_path / "own.pem"))()
