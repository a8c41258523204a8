"""One process at a time has the state of an agent."""

import subprocess
import sys
from pathlib import Path

import pytest

from vedette.agent.memory.storefile import StoreError, claimed

HOLD = """
import sys
from pathlib import Path
from vedette.agent.memory.storefile import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_share_a_state(tmp_path: Path) -> None:
    """The second is refused with a remedy, and may have it once the first is gone, however."""
    folder = tmp_path / "state"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"claimed\n"
        refused = r"another agent that runs: stop that, or choose"
        with pytest.raises(StoreError, match=refused), claimed(folder):
            pass
        first.kill()
    with claimed(folder):
        pass


def test_where_there_can_be_no_lock_nobody_is_refused(tmp_path: Path) -> None:
    """A folder that cannot be made is left to who writes to it, and tells that once."""
    (tmp_path / "file").write_text("")
    went_on = False
    with claimed(tmp_path / "file" / "state"):
        went_on = True
    assert went_on
