"""The whole of an agent's talk with its peers: what it tells, whom it follows, how that stands."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vedette.agent import secrets
from vedette.agent.config import Config
from vedette.agent.looking.lookout import Lookout
from vedette.agent.memory.pages import Accepted
from vedette.agent.peers.follower import Follower
from vedette.agent.peers.hearsay import Hearsay
from vedette.agent.peers.offer import Offer
from vedette.agent.peers.standing import Standing
from vedette.exporters.reach import Reach


class Exchange:
    """An offer to all peers of *config*, and a follower of each, found by *reach*.

    Raises SecretError.
    *accepted* are the pages that pagers took in a former life, the oldest first.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        lookout: Lookout,
        reach: Reach,
        accepted: Iterable[Accepted],
    ) -> None:
        self.now = lookout.now
        self.offer = Offer(config.agent, self.now, accepted)
        self.hearsay = Hearsay()
        self.followers: Mapping[str, Follower] = {
            peer.name: Follower(
                peer,
                token=secrets.token_of(peer, folder),
                agent=config.agent,
                folder=folder,
                lookout=lookout,
                hearsay=self.hearsay,
                reach=reach,
            )
            for peer in config.peers
        }
        if self.followers:
            lookout.tell = self.offer.tell

    @property
    def standings(self) -> Sequence[Standing]:
        """How it stands with each peer, in the order of the config."""
        return [follower.standing for follower in self.followers.values()]

    def asked(self, name: str) -> None:
        """Take note that the peer *name* has asked us."""
        if name in self.followers:
            self.followers[name].nudge()
