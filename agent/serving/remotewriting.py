"""Sends the agent's own metrics to a receiver of remote write, for who cannot be scraped.

Rule: never delays a probe. What is sent is made in slices between which others have their turn;
files are written and read in a thread. Order is kept: nothing is sent before what is older.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import ParamSpec, TypeVar

from vedette.agent.config import AgentSettings, Config, beside
from vedette.agent.config.remote_write import RemoteWriteSettings
from vedette.agent.looking.cadence import keep
from vedette.agent.paging.backoff import backoff
from vedette.agent.secrets import secret
from vedette.agent.serving.spool import Kept, Spool
from vedette.checks.http.authentication import basic
from vedette.exporters.metrics import NO_LABELS, Family, Labels, counter, gauge, slices
from vedette.exporters.page import Delivery, Outcome
from vedette.exporters.post import Poster
from vedette.exporters.reach import Reach
from vedette.exporters.remotewrite import HEADERS, Encoder, Request
from vedette.exporters.trust import trusting

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FOLDER = "remote-write"
UP = "up 1\n"
"""What a scraped target has: rules and dashboards may ask for it."""
LONGEST_WAIT = 3600.0
"""Seconds for which a receiver may ask us to wait: nobody is woken by samples."""
_DROPPED = ("rejected", "too_old", "no_room", "unwritable")


@dataclass(slots=True)
class Written:
    """What became of samples: how many were accepted, or dropped and why, and what waits."""

    accepted: int = 0
    retries: int = 0
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_DROPPED, 0))
    waiting: int = 0
    waiting_since: float | None = None

    def families(self, now: float) -> Iterator[Family]:
        """Return the metric families."""
        rows = [("accepted", self.accepted), *self.dropped.items()]
        age = 0.0 if self.waiting_since is None else max(0.0, now - self.waiting_since)
        yield counter(
            "vedette_remote_write_samples_total",
            "Samples by what became of them: accepted, or why they were dropped.",
            [(Labels(outcome=outcome), count) for outcome, count in rows],
        )
        yield counter(
            "vedette_remote_write_retries_total",
            "Requests that the receiver did not take, and that were tried again.",
            [(NO_LABELS, self.retries)],
        )
        yield gauge(
            "vedette_remote_write_waiting_bytes",
            "Size of the requests that wait on the disk.",
            [(NO_LABELS, self.waiting)],
        )
        yield gauge(
            "vedette_remote_write_waiting_seconds",
            "Age of the oldest request that waits on the disk; 0 when there is none.",
            [(NO_LABELS, age)],
        )


def external(agent: AgentSettings, labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return the labels of every series: who we are, and those of the config."""
    return {
        "job": "vedette",
        "instance": agent.name,
        "vantage": agent.name,
        "provider": agent.domain.provider,
        **labels,
    }


def poster(settings: RemoteWriteSettings, folder: Path, reach: Reach) -> tuple[Poster, str | None]:
    """Return what posts, and its Authorization header; raise SecretError."""
    login, bearer = settings.basic_auth, settings.bearer
    credential = authorization = None
    if login is not None:
        credential = secret(folder, login.password_file, login.password_env)
        authorization = basic(login.username, credential or "")
    elif bearer is not None:
        credential = secret(folder, bearer.token_file, bearer.token_env)
        authorization = f"Bearer {credential}"
    secrets = {"credential": credential or "", "authorization": authorization or ""}
    made = Poster(
        reach,
        [settings.url],
        secrets=secrets,
        tls=trusting(
            beside(folder, settings.ca_file),
            beside(folder, settings.client_cert),
            beside(folder, settings.client_key),
        ),
        timeout=settings.timeout,
        heeds=lambda _status: True,
        longest_wait=LONGEST_WAIT,
    )
    return made, authorization


class RemoteWriter:
    """Takes a text of metrics every so often, keeps it on the disk, and sends what is oldest."""

    def __init__(
        self,
        settings: RemoteWriteSettings,
        poster: Poster,
        authorization: str | None,
        *,
        folder: Path,
        external: Mapping[str, str],
        now: Callable[[], float],
    ) -> None:
        """What waits is kept in *folder*, which is made when this runs."""
        self.written = Written()
        self.lines: Callable[[], Iterable[str]] | None = None
        """What makes the text, a line at a time; nothing is sent before it is known."""
        self._settings, self._poster, self._folder, self._now = settings, poster, folder, now
        self._headers = {**settings.headers, **HEADERS}
        if authorization is not None:
            self._headers["Authorization"] = authorization
        self._encoder = Encoder(external)
        # The threads that everybody shares may all be waiting for a dead resolver.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remote-write")
        self._wake = asyncio.Event()
        self._is_failing = self._is_unwritable = False

    async def run(self) -> None:
        """Take and send for ever."""
        spool = Spool(self._folder, self._settings.keep_megabytes * 1_000_000)
        with suppress(OSError):  # who puts something there says so, and tries again
            await self._on_disk(spool.open)
        self._tell(spool)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_taking(spool))
            tasks.create_task(self._keep_sending(spool))

    def families(self) -> Iterator[Family]:
        """Return the metric families of what it has done."""
        return self.written.families(self._now())

    async def close(self) -> None:
        """Give back connection and thread."""
        await self._poster.close()
        self._disk.shutdown(wait=False)

    async def _keep_taking(self, spool: Spool) -> None:
        await keep(self._settings.every, partial(self._take, spool))

    async def _take(self, spool: Spool) -> None:
        if self.lines is None:
            return
        pieces = slices(chain([UP], self.lines()))
        for request in self._encoder.requests(pieces, self._now()):
            if request is not None:
                await self._put(spool, request)
            await asyncio.sleep(0)
        self._wake.set()

    async def _put(self, spool: Spool, request: Request) -> None:
        try:
            gone = await self._on_disk(spool.put, request)
        except OSError as error:
            if not self._is_unwritable:
                self._tell_unwritable(error)
            self._is_unwritable = True
            await self._send_unkept(spool, request)
            return
        self._is_unwritable = False
        self._lose(gone, "no_room")
        self._tell(spool)

    async def _send_unkept(self, spool: Spool, request: Request) -> None:
        """Send what the disk does not take: that it is full is told by nothing else.

        What is not taken at once is lost, and so it is where something older waits.
        """
        delivery = Delivery(outcome=Outcome.RETRY)
        if not spool.kept:
            delivery = await self._post(request.body)
        if delivery.outcome is Outcome.RETRY:
            self.written.dropped["unwritable"] += request.samples
        else:
            self._count(delivery, request.samples)

    def _tell_unwritable(self, error: OSError) -> None:
        log.error(
            "remote write: %s cannot be written (%s): samples that are not taken at once are lost, "
            "make room",
            self._folder, error.strerror or error,
        )  # fmt: skip

    async def _keep_sending(self, spool: Spool) -> None:
        attempts = 0
        while True:
            await self._expire(spool)
            if not spool.kept:
                self._wake.clear()
                await self._wake.wait()
                continue
            delivery = await self._send(spool, spool.kept[0])
            if delivery.outcome is Outcome.RETRY:
                attempts += 1
                self.written.retries += 1
                self._note(delivery)
                await asyncio.sleep(backoff(attempts, delivery.retry_after, random.random()))
            else:
                attempts = 0

    async def _send(self, spool: Spool, oldest: Kept) -> Delivery:
        try:
            body = await self._on_disk(oldest.path.read_bytes)
        except FileNotFoundError:  # somebody else has removed it
            await self._on_disk(spool.drop, oldest)
            return Delivery(outcome=Outcome.REJECTED)
        except OSError as error:  # it may be read again, as when this host has a file to spare
            detail = f"{oldest.path} cannot be read: {error.strerror or error}"
            return Delivery(outcome=Outcome.RETRY, detail=detail)
        delivery = await self._post(body)
        if delivery.outcome is Outcome.RETRY:
            return delivery
        await self._on_disk(spool.drop, oldest)
        self._tell(spool)
        self._count(delivery, oldest.samples)
        return delivery

    async def _post(self, body: bytes) -> Delivery:
        answer = await self._poster.post(
            self._settings.url, body, accepted=range(200, 300), headers=self._headers
        )
        return answer.delivery

    def _count(self, delivery: Delivery, samples: int) -> None:
        """Take note that the receiver has taken *samples*, or refused them."""
        if delivery.outcome is Outcome.REJECTED:
            log.error("remote write: %d samples are refused: %s", samples, delivery.detail)
            self.written.dropped["rejected"] += samples
            return
        self.written.accepted += samples
        if self._is_failing:
            log.info("remote write: the receiver takes samples again")
        self._is_failing = False

    async def _expire(self, spool: Spool) -> None:
        gone = await self._on_disk(spool.expire, self._now() - self._settings.keep_for)
        self._lose(gone, "too_old")
        self._tell(spool)

    def _note(self, delivery: Delivery) -> None:
        if not self._is_failing:
            log.warning(
                "remote write: not accepted (%s): kept on disk and tried again", delivery.detail
            )
        self._is_failing = True

    def _lose(self, gone: Sequence[Kept], why: str) -> None:
        lost = sum(one.samples for one in gone)
        if lost and not self.written.dropped[why]:
            log.error(
                "remote write: %d samples that nobody took are dropped (%s): see keep_for and "
                "keep_megabytes", lost, why.replace("_", " "),
            )  # fmt: skip
        self.written.dropped[why] += lost

    def _tell(self, spool: Spool) -> None:
        kept = list(spool.kept)
        self.written.waiting = sum(one.size for one in kept)
        self.written.waiting_since = kept[0].at if kept else None

    async def _on_disk(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do *work* in the thread that alone has to do with the disk, one after another."""
        return await asyncio.get_running_loop().run_in_executor(
            self._disk, partial(work, *args, **kwargs)
        )


def remote_writer(
    config: Config, folder: Path, reach: Reach, now: Callable[[], float]
) -> RemoteWriter | None:
    """Return what sends the metrics, where *config*, read at *folder*, asks for it.

    Raises SecretError.
    """
    settings = config.remote_write
    if settings is None:
        return None
    made, authorization = poster(settings, folder, reach)
    return RemoteWriter(
        settings,
        made,
        authorization,
        folder=folder / config.agent.state_dir / FOLDER,
        external=external(config.agent, settings.labels),
        now=now,
    )
