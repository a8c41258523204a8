"""A page as a signed HTTP request, for a receiver of one's own.

Scheme: Standard Webhooks 1.0.0,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from vedette.checks.settings import Settings, of_http, without_password
from vedette.exporters.details import iso, plain, serialize
from vedette.exporters.page import Delivery, Page
from vedette.exporters.post import Poster, secrets_of, utf8
from vedette.exporters.reach import Reach
from vedette.exporters.signature import PREFIX, signed, signing_key
from vedette.exporters.trust import trusting

VERSION = 1
"""Of the body: a key may be added to it, but none renamed, removed or given another meaning."""
_ACCEPTED = range(200, 300)

Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/?#]+[^\s]*$"),
    AfterValidator(partial(without_password, remedy="put the URL into url_file or url_env")),
    AfterValidator(of_http),
]


class WebhookSettings(Settings):
    """The `webhook` block of a pager: where to, and where the secret of the signature lies.

    The URL may be a secret itself: then *url_file* or *url_env* says where it is.
    """

    url: Url | None = None
    """Where pages are posted to."""
    url_file: str | None = None
    """The file that holds the URL."""
    url_env: str | None = None
    """The environment variable that holds it."""
    secret_file: str | None = None
    """The file of the signature's secret: 24 bytes or more, or `whsec_` and base64."""
    secret_env: str | None = None
    """The environment variable that holds it."""
    ca_file: str | None = None
    """The only trust anchors, in PEM, instead of the system's."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(one is not None for one in (self.url, self.url_file, self.url_env)) != 1:
            raise ValueError("give exactly one of url, url_file and url_env")
        if bool(self.secret_file) == bool(self.secret_env):
            raise ValueError("give exactly one of secret_file and secret_env")
        return self


def encode(page: Page) -> bytes:
    """Return the body for *page*: the same bytes for the same page."""
    return serialize(
        {
            "type": f"page.{page.action.value}",
            "timestamp": iso(page.began_at),
            "version": VERSION,
            "data": {
                "key": utf8(page.key),
                "action": page.action.value,
                "severity": page.severity.value,
                "summary": utf8(page.summary),
                "service": utf8(page.service),
                "diagnosis": utf8(page.diagnosis),
                "subject": utf8(page.subject),
                "source": utf8(page.source),
                "began_at": page.began_at,
                "details": plain(page.details),
            },
        }
    )


class Signed:
    """Posts JSON by which *url* knows us, one attempt a call; any answer of the class 2xx takes it.

    Receivers hold the time of a signature to their own clocks: *now* is that of the wall. Where the
    URL *is_secret*, it is cut out of what they say.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        reach: Reach,
        *,
        now: Callable[[], float],
        timeout: float = 10.0,
        ca_file: str | None = None,
        is_secret: bool = True,
    ) -> None:
        self._url, self._key, self._now = url, signing_key(secret), now
        secrets = {**(secrets_of(url) if is_secret else {}), "secret": secret.removeprefix(PREFIX)}
        self._poster = Poster(reach, [url], secrets=secrets, tls=trusting(ca_file), timeout=timeout)

    async def post(self, body: bytes) -> Delivery:
        """Try once, within the timeout, to hand *body* over."""
        headers = signed(body, self._key, self._now())
        answer = await self._poster.post(self._url, body, accepted=_ACCEPTED, headers=headers)
        return answer.delivery

    async def close(self) -> None:
        """Give back connections."""
        await self._poster.close()


@dataclass(frozen=True, slots=True)
class Webhook:
    """The pager that posts pages to a URL."""

    name: str
    poster: Signed

    async def send(self, page: Page) -> Delivery:
        """Try once to hand *page* over."""
        return await self.poster.post(encode(page))

    async def close(self) -> None:
        """Give back connections."""
        await self.poster.close()
