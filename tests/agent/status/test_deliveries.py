"""Pages on their way, as the status page has them: what nobody has, for how long, and why."""

import asyncio

import pytest

from tests.agent.paging.desk import RESOLVE, RETRY, Receiver, Sheet, page, run_for
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.paging.outbox import Outbox
from vedette.agent.peers.hearsay import Hearsay
from vedette.agent.status.deliveries import deliveries


@virtual
async def shown(tried: bool) -> tuple[int, str]:
    """Return attempts and answer of a call that is over, and was *tried* before or not."""
    loop = asyncio.get_running_loop()
    pager = Receiver(lambda *_: RETRY)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(Hearsay(), lambda *_: None, lambda _: False)
    outbox.add(page(), 0.0)
    if not tried:
        outbox.add(page(action=RESOLVE), 0.0)
    await run_for(outbox.run(), 0.5)
    call = deliveries(outbox).owed[0]
    return call.attempts, call.answer


@pytest.mark.parametrize(("tried", "why"), [(False, "held: peers may have told of it"), (True, "")])
def test_a_page_that_is_held_says_so(tried: bool, why: str) -> None:
    """Where nothing was tried yet it is told why; else the pager's answer is."""
    attempts, answer = shown(tried)
    assert (attempts > 0, answer) == (tried, why)
