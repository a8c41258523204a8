"""What `make soak` does for an hour at 1,000 checks a second, for a moment and at 40."""

from tests.bench.soak_hour import soak


async def test_faults_are_paged_once_and_resolved_while_an_agent_is_busy() -> None:
    """Whatever befalls targets, pager and agent: one incident each, and no error of ours."""
    story, wrongs = await soak(seconds=6, rate=40, seed=5, times="2s")

    assert wrongs == []
    assert story.paged
    assert story.late is not None
    assert story.metrics["vedette_check_runs_total"] > 0
