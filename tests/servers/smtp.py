"""An SMTP server that keeps what it takes, over STARTTLS, TLS or neither (aiosmtpd)."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.servers.process import free_port

_NAMED = re.compile(r"[\w-]+(\.[\w-]+)+|\[[0-9.]+\]|\[IPv6:[0-9a-f:]+\]")
"""What RFC 5321 has a client call itself: by its whole name, or by its address."""


@dataclass
class Mailbox:
    """What a server took; *answers* are given to the next DATA and RCPT in the place of 250."""

    port: int
    envelopes: list[Envelope] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)
    to_rcpt: dict[str, str] = field(default_factory=dict)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    greeted_by: set[str] = field(default_factory=set)
    """What the clients call themselves who have sent recipients."""
    is_silent: bool = False
    """Whether it never answers QUIT."""

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails, parsed."""
        parsed = [
            message_from_bytes(bytes(e.content or b""), policy=default) for e in self.envelopes
        ]
        return [mail for mail in parsed if isinstance(mail, EmailMessage)]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or refuse him, or a client that does not say who it is."""
        self.greeted_by.add(session.host_name)
        if not _NAMED.fullmatch(session.host_name):
            # As Postfix says it with reject_non_fqdn_helo_hostname.
            return "504 5.5.2 Helo command rejected: need fully-qualified hostname"
        if address in self.to_rcpt:
            return self.to_rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        """Take a mail, or refuse it."""
        if self.to_data:
            return self.to_data.pop(0)
        self.envelopes.append(envelope)
        return "250 OK"

    async def handle_QUIT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, _envelope: Envelope
    ) -> str:
        """Say goodbye, or nothing."""
        if self.is_silent:
            await asyncio.Event().wait()
        return "221 Bye"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        """Let in who knows the password, `right`."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)


@contextmanager
def smtp(
    context: ssl.SSLContext | None = None, *, starttls: bool = False, auth: bool = False
) -> Iterator[Mailbox]:
    """Serve on loopback until the block ends; with *context* over TLS, at once or by STARTTLS."""
    mailbox = Mailbox(free_port())
    more: dict[str, Any] = {"authenticator": mailbox.authenticate} if auth else {}
    if auth:
        more |= {"auth_require_tls": starttls, "auth_required": starttls}
    if starttls:
        more |= {"tls_context": context, "require_starttls": True}
    elif context is not None:
        more |= {"ssl_context": context}
    server = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **more)
    server.start()
    try:
        yield mailbox
    finally:
        server.stop()
