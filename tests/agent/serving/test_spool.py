"""Requests on the disk: in order, bounded, and there after a kill."""

import resource
import signal
from pathlib import Path

import pytest

from vedette.agent.serving.spool import Spool
from vedette.exporters.remotewrite import Request


def request(at: float, size: int = 10) -> Request:
    return Request(b"x" * size, samples=int(at), at=at)


def opened(folder: Path, most: int) -> Spool:
    spool = Spool(folder, most)
    spool.open()
    return spool


def test_another_process_takes_up_what_waits(tmp_path: Path) -> None:
    """What was put is there in order with all that is known of it; an unfinished file is not."""
    spool = Spool(tmp_path / "spool", 1000)
    for at in (1.5, 2.0, 3.25):
        spool.put(request(at))
    (tmp_path / "spool" / "000000000009-1-1.part").write_bytes(b"half")
    (tmp_path / "spool" / "README").write_text("not ours")

    after = opened(tmp_path / "spool", 1000)

    assert [(one.at, one.samples) for one in after.kept] == [(1.5, 1), (2.0, 2), (3.25, 3)]
    assert after.size == 30
    after.put(request(4))
    assert [one.number for one in after.kept] == [1, 2, 3, 4]
    assert not list((tmp_path / "spool").glob("*.part"))


def test_the_oldest_go_where_room_lacks(tmp_path: Path) -> None:
    """No more than allowed is kept, and what went is said."""
    spool = Spool(tmp_path, 30)
    gone = [one.at for at in (1, 2, 3, 4, 5) for one in spool.put(request(at))]

    assert gone == [1, 2]
    assert [one.at for one in spool.kept] == [3, 4, 5]
    assert len(list(tmp_path.iterdir())) == 3


def test_what_could_not_be_opened_is_with_the_first_that_is_put(tmp_path: Path) -> None:
    """What waits of a former life comes before what is put once the disk lets it be."""
    opened(tmp_path / "spool", 1000).put(request(1))
    (tmp_path / "spool").rename(tmp_path / "elsewhere")
    (tmp_path / "spool").write_text("in the way")
    spool = Spool(tmp_path / "spool", 1000)
    with pytest.raises(OSError, match="exists"):
        spool.put(request(2))
    (tmp_path / "spool").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "spool")
    spool.put(request(3))

    assert [(one.number, one.at) for one in spool.kept] == [(1, 1), (2, 3)]


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    """What nobody wants any more is removed."""
    spool = Spool(tmp_path, 1000)
    for at in (1, 2, 3):
        spool.put(request(at))

    assert [one.at for one in spool.expire(before=3)] == [1, 2]
    assert [one.at for one in opened(tmp_path, 1000).kept] == [3]


def test_what_cannot_be_written_takes_no_room(tmp_path: Path) -> None:
    """Of a request that the disk took half of nothing stays, so that the state has what is left."""
    spool = Spool(tmp_path, 1000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5, before[1]))
        with pytest.raises(OSError, match="File too large"):
            spool.put(request(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())
    spool.put(request(2))
    assert [one.at for one in spool.kept] == [2]
