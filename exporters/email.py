"""A page as a mail, handed to one SMTP server over TLS.

Rule: what a header says is one printable line, whatever the page holds.
Protocol: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (TLS from the first octet).
"""

import asyncio
import hashlib
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from email.headerregistry import HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Annotated, Literal, Self

import aiosmtplib
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from vedette.checks.net import is_address
from vedette.checks.settings import Settings
from vedette.checks.words import one_line
from vedette.exporters.details import fit, lines
from vedette.exporters.page import ACCEPTED, Action, Delivery, Outcome, Page, Severity
from vedette.exporters.post import cleaned, cut, utf8
from vedette.exporters.reach import Reach
from vedette.exporters.trust import trusting

MAX_TEXT = 256_000
_MAX_SUBJECT = 250
_FINAL = 500
"""From which code on a refusal is for good (RFC 5321, 4.2.1)."""
EVERY = 60.0
"""Seconds after which a mail is tried again for those who could not be given it."""
LEFT_FOR = 3600.0
"""Seconds for which it is; greylists ask for five minutes, and DNS may be broken for longer."""
_HEADERS = HeaderRegistry()
# As text, which they are without this, long ones would be encoded.
for _name in ("in-reply-to", "references"):
    _HEADERS.map_to_type(_name, MessageIDHeader)  # type: ignore[arg-type]
_POLICY = SMTP.clone(header_factory=_HEADERS)
_GOODBYE = 1.0
"""Seconds for which the end of a session is waited for."""
_PORTS = {"starttls": 587, "tls": 465, "none": 25}

Address = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$",
        max_length=254,
    ),
]


def _alone(host: str) -> str:
    if ":" in host and not is_address(host):
        raise ValueError("expected a host alone, without a port, which stands in port")
    return host


Host = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,253}$"), AfterValidator(_alone)
]


class EmailSettings(Settings):
    """The `email` block of a pager: the server that takes the mail, from whom, and to whom.

    *tls* is `starttls` (port 587), `tls` (465), or `none` (25) for a server on this host or a
    network of one's own; then there is no password.
    """

    host: Host
    """The server that takes the mail."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port; 587, 465 or 25, as `tls` has it."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the way there is encrypted."""
    sender: Annotated[Address, Field(alias="from")]
    """From whom."""
    to: Annotated[list[Address], Field(min_length=1, max_length=100)]
    """To whom."""
    username: str | None = None
    """The user's name, where it asks for one."""
    password_file: str | None = None
    """The file of the password."""
    password_env: str | None = None
    """The environment variable that holds it."""
    ca_file: str | None = None
    """The only trust anchors, in PEM, instead of the system's."""

    @model_validator(mode="after")
    def _credential(self) -> Self:
        sources = [one for one in (self.password_file, self.password_env) if one is not None]
        if len(sources) > 1:
            raise ValueError("give at most one of password_file and password_env")
        if bool(self.username) != bool(sources):
            raise ValueError(
                "a username needs its password_file or password_env, and these a username"
            )
        if self.username and self.tls == "none":
            raise ValueError("a password is not sent without TLS: set tls to starttls or tls")
        return self

    @property
    def server_port(self) -> int:
        """The port that is connected to."""
        return self.port or _PORTS[self.tls]


def encode(page: Page, sender: str, to: list[str], now: float) -> bytes:
    """Return the mail for *page*, dated epoch seconds.

    Mails of one incident are one thread (RFC 5322, 3.6.4), and a mail that comes twice has one
    Message-ID.
    """
    domain = sender.rpartition("@")[2]
    thread = f"<vedette.{_digest(page.key)}@{domain}>"
    text = "".join(f"{line}\n" for line in _lines(page))
    message = EmailMessage(policy=_POLICY)
    message["From"] = f"Vedette <{sender}>"
    message["To"] = ", ".join(to)
    message["Subject"] = _subject(page)
    message["Date"] = formatdate(now)
    # Of two incidents that read alike, as of two drills, each has its own.
    which = _digest(f"{page.began_at} {text}")
    message["Message-ID"] = f"<vedette.{_digest(page.key)}.{which}@{domain}>"
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply, please
    if page.severity is Severity.CRITICAL and page.action is Action.TRIGGER:
        message["Importance"] = "high"
    message.set_content(text, cte="quoted-printable")
    return message.as_bytes()


def _subject(page: Page) -> str:
    said = page.summary or f"{page.action} {page.key}"
    tag = "" if page.action is Action.RESOLVE else f"[{page.severity}] "
    return cut(one_line(f"{tag}{said}"), _MAX_SUBJECT)


def _lines(page: Page) -> Iterator[str]:
    yield utf8(page.summary)
    yield ""
    facts = {
        "action": page.action, "severity": page.severity, "service": page.service,
        "diagnosis": page.diagnosis, "subject": page.subject, "told by": page.source,
        "incident": page.key,
    }  # fmt: skip
    for name, text in facts.items():
        yield f"{name}: {utf8(text)}"
    details = fit(page.details, MAX_TEXT, "the mail")
    for name, value in (details if isinstance(details, dict) else {}).items():
        if facts.get(name) != value:
            yield ""
            yield f"{name}:"
            yield from (f"  {line}" for line in lines(value))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:24]


def _called(connected: socket.socket) -> str:
    """Return what a client calls itself that has no name of its own (RFC 5321, 4.1.3)."""
    address = str(connected.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


async def _part(client: aiosmtplib.SMTP) -> None:
    """End a connection over which a mail was taken: whatever becomes of it now, that stays so."""
    transport = client.transport
    with suppress(aiosmtplib.SMTPException, OSError):  # a TimeoutError is one
        async with asyncio.timeout(_GOODBYE):
            await client.quit()
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()  # what was said has been answered: there is nothing to wait for


@dataclass(frozen=True, slots=True)
class _Left:
    """A mail that some have, and those have not *to* whom the server could not give it then."""

    mail: bytes
    to: Sequence[str]
    until: float


class Email:
    """The pager that hands mails to a server; taken for one recipient or more is delivered.

    Who could not be given it just then, as one whose domain does not resolve, is by *repeat*, until
    there is a newer mail of the same incident. Mailboxes are in the order of the mails' dates:
    *now* is that of the wall.
    """

    every = EVERY

    def __init__(
        self,
        name: str,
        settings: EmailSettings,
        *,
        now: Callable[[], float],
        password: str | None = None,
        reach: Reach,
        timeout: float = 20.0,
    ) -> None:
        self.name = name
        self._settings = settings
        self._now = now
        self._password = password
        self._secrets: Mapping[str, str] = {"password": password or ""}
        self._reach = reach
        self._timeout = timeout
        self._tls = trusting(settings.ca_file, is_web=False)
        self._reach.add(settings.host)
        self._left: dict[str, _Left] = {}

    def stand(self, pages: Iterable[Page], ended: Iterable[tuple[Page, float]] = ()) -> None:
        """Hold nothing of a former life: mailboxes forget nothing."""

    def drop(self, key: str) -> None:
        """Give the mail of *key* to nobody any more."""
        self._left.pop(key, None)

    async def send(self, page: Page) -> Delivery:
        """Try once to hand *page* over, within the timeout."""
        now = self._now()
        self.drop(page.key)
        mail = encode(page, self._settings.sender, self._settings.to, now)
        delivery, later = await self._give(mail, self._settings.to)
        if later:
            self._left[page.key] = _Left(mail, later, now + LEFT_FOR)
        return delivery

    async def repeat(self) -> Delivery:
        """Try once to give each mail to those who have not got it yet."""
        missed = list[str]()
        for key, left in [*self._left.items()]:
            delivery, later = await self._give(left.mail, left.to)
            if delivery.outcome is Outcome.RETRY:
                later = left.to
            if self._left.get(key) is left:
                self.drop(key)
                if later and self._now() < left.until:
                    self._left[key] = replace(left, to=later)
            if delivery.detail != ACCEPTED:
                missed.append(delivery.detail)
        if not missed:
            return Delivery(outcome=Outcome.DELIVERED, detail=ACCEPTED)
        return Delivery(outcome=Outcome.RETRY, detail="; ".join(dict.fromkeys(missed)))

    async def _give(self, mail: bytes, to: Sequence[str]) -> tuple[Delivery, Sequence[str]]:
        """Try once to hand *mail* over, and say for whom to try again of a mail that some have."""
        host = self._settings.host
        try:
            async with asyncio.timeout(self._timeout):
                client, refused = await self._hand_over(mail, to)
        except TimeoutError:
            self._reach.doubt(host)
            said = f"no answer within {self._timeout:g} s"
            return Delivery(outcome=Outcome.RETRY, detail=said), ()
        except aiosmtplib.SMTPException as error:
            return self._failed(error), ()
        except (OSError, ValueError) as error:
            self._reach.doubt(host)
            return Delivery(
                outcome=Outcome.RETRY, detail=self._clean(f"{error}" or repr(error))
            ), ()
        self._reach.trust(host)
        await _part(client)
        detail = f"accepted, but not for {', '.join(sorted(refused))}" if refused else ACCEPTED
        later = [one for one, answer in refused.items() if answer.code < _FINAL]
        return Delivery(outcome=Outcome.DELIVERED, detail=self._clean(detail)), later

    async def close(self) -> None:
        """Hold nothing: each mail has a connection of its own."""

    async def _hand_over(
        self, mail: bytes, to: Sequence[str]
    ) -> tuple[aiosmtplib.SMTP, Mapping[str, aiosmtplib.SMTPResponse]]:
        """Return the connection, and whom the server does not want, if it takes any recipient."""
        settings = self._settings
        connected = await self._reach.connect(settings.host, settings.server_port)
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            sock=connected,
            username=settings.username,
            password=self._password,
            local_hostname=_called(connected),
            timeout=self._timeout,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=None if settings.tls == "none" else self._tls(),
        )
        try:
            await client.connect()
            refused, _ = await client.sendmail(settings.sender, to, mail)
        except BaseException:
            client.close()
            raise
        return client, refused

    def _failed(self, error: aiosmtplib.SMTPException) -> Delivery:
        """Say what a failure means: some codes are for good."""
        codes = [getattr(error, "code", 0)]
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            codes = [one.code for one in error.recipients]
        final = all(code >= _FINAL for code in codes)
        (self._reach.doubt if codes == [0] else self._reach.turn)(self._settings.host)
        said = "; ".join(str(one) for one in error.args) or repr(error)
        return Delivery(
            outcome=Outcome.REJECTED if final else Outcome.RETRY, detail=self._clean(said)
        )

    def _clean(self, text: str) -> str:
        return cleaned(text, self._secrets)
