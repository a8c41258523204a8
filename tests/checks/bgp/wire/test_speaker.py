"""What UPDATEs change where a speaker holds several paths of a prefix."""

from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import Announce, EndOfRib, Withdraw
from vedette.checks.bgp.wire import speaker
from vedette.checks.bgp.wire.speaker import Speakers
from vedette.checks.bgp.wire.update import Decoded, Route

PEER, ASN, PREFIX = Peer("rrc00", "198.51.100.1"), 64511, "192.0.2.0/24"
ONE, TWO = (64511, 64500), (64511, 64501)


class Story:
    """One speaker, and what it says second by second."""

    def __init__(self) -> None:
        self.speakers = Speakers()
        self.at = 0.0

    def said(
        self, *announced: Route, withdrawn: tuple[Route, ...] = (), path: tuple[int, ...] = ONE
    ) -> list[object]:
        self.at += 1
        decoded = Decoded(list(withdrawn), list(announced), path if announced else None)
        return list(self.speakers.told(PEER, ASN, decoded, self.at))


def announce(at: float, path: tuple[int, ...] = ONE) -> Announce:
    return Announce(PEER, ASN, PREFIX, path, at)


def withdraw(at: float) -> Withdraw:
    return Withdraw(PEER, ASN, PREFIX, at)


def test_withdrawals_come_first() -> None:
    """An UPDATE's withdrawals are told before its announcements, and an end of RIB last."""
    decoded = Decoded([("10.0.0.0/8", None)], [(PREFIX, None)], ONE, 4)

    told = Speakers().told(PEER, ASN, decoded, 1)

    assert told == [Withdraw(PEER, ASN, "10.0.0.0/8", 1), announce(1), EndOfRib(PEER, 4, 1)]


def test_both_withdrawn_and_announced_is_announced() -> None:
    """A prefix in both parts of an UPDATE is only announced (RFC 4271 section 3.1)."""
    assert Story().said((PREFIX, None), withdrawn=((PREFIX, None),)) == [announce(1)]


def test_an_empty_path_is_the_speakers_own() -> None:
    """Who announces without a path is the origin."""
    assert Story().said((PREFIX, None), path=()) == [announce(1, (ASN,))]


def test_a_path_of_nobody_is_not_told() -> None:
    """A router's own route, told as that of a peer of AS 0, has no origin and is left out."""
    assert Speakers().told(PEER, 0, Decoded([], [(PREFIX, None)], ()), 1) == []


def test_a_prefix_is_held_while_any_path_is() -> None:
    """Of two paths the first withdrawal leaves the other, and the last withdraws."""
    story = Story()

    assert story.said((PREFIX, 1), path=ONE) == [announce(1, ONE)]
    assert story.said((PREFIX, 2), path=TWO) == [announce(2, TWO)]
    assert story.said(withdrawn=((PREFIX, 2),)) == [announce(3, ONE)]
    assert story.said(withdrawn=((PREFIX, 2),)) == [announce(4, ONE)]
    assert story.said(withdrawn=((PREFIX, 1),)) == [withdraw(5)]
    assert story.said(withdrawn=((PREFIX, 1),)) == [withdraw(6)]


def test_the_path_told_last_is_the_best() -> None:
    """A path told again is the best again, and outlives the withdrawal of another."""
    story = Story()
    story.said((PREFIX, 1), path=ONE)
    story.said((PREFIX, 2), path=TWO)
    story.said((PREFIX, 1), path=ONE)

    assert story.said(withdrawn=((PREFIX, 2),)) == [announce(4, ONE)]


def test_identifier_zero_is_one_of_several() -> None:
    """A session with ADD-PATH may use the identifier 0 too."""
    story = Story()
    story.said((PREFIX, 0), path=TWO)
    story.said((PREFIX, 1), path=ONE)

    assert story.said(withdrawn=((PREFIX, 1),)) == [announce(3, TWO)]
    assert story.said(withdrawn=((PREFIX, 0),)) == [withdraw(4)]


def test_a_new_session_starts_without_paths() -> None:
    """What a session held that went down does not hold a withdrawal back."""
    story = Story()
    story.said((PREFIX, 1), (PREFIX, 2))
    story.speakers.forget(PEER)

    assert story.said(withdrawn=((PREFIX, 1),)) == [withdraw(2)]


def test_a_table_is_believed_until_the_speaker_tells_more() -> None:
    """A table that is older than what the speaker said of its paths takes and brings none."""
    story = Story()
    story.speakers.held(PEER, PREFIX, {1: ONE, 2: TWO}, 0.0)
    assert story.said(withdrawn=((PREFIX, 1),)) == [announce(1, TWO)]
    story.speakers.held(PEER, PREFIX, {1: ONE, 2: TWO}, 0.5)
    assert story.said(withdrawn=((PREFIX, 2),)) == [withdraw(2)]
    story.speakers.held(PEER, PREFIX, dict.fromkeys(range(1000), ONE), 2.0)
    assert len(story.speakers._paths[PEER][PREFIX]) == speaker._MOST_PATHS
    story.speakers.forget(PEER)
    assert story.said(withdrawn=((PREFIX, 1),)) == [withdraw(3)]


def test_paths_are_remembered_within_bounds() -> None:
    """A speaker that tells ever new identifiers does not fill the memory."""
    story = Story()

    for path_id in range(1000):
        story.said((PREFIX, path_id))

    assert len(story.speakers._paths[PEER][PREFIX]) == speaker._MOST_PATHS


def test_sessions_without_identifiers_are_not_remembered() -> None:
    """What costs nothing is not kept."""
    story = Story()
    story.said((PREFIX, None))
    story.said(withdrawn=((PREFIX, None),))

    assert story.speakers._paths == {}
