"""What an audit found, for a person and for a machine."""

from collections.abc import Iterator, Mapping, Sequence

from vedette.agent.audit.judge import Finding
from vedette.agent.audit.part import Part
from vedette.agent.audit.posture import Weakness
from vedette.agent.audit.survey import Survey


def lines(
    survey: Survey, findings: Sequence[Finding], weaknesses: Sequence[Weakness]
) -> Iterator[str]:
    """Return the report in lines: the graph, what is wrong, what is weak, what is not known."""
    width = max((len(str(part)) for part in survey.parts), default=0)
    yield "what hangs on what"
    for part in survey.parts:
        yield f"  {part!s:<{width}}  {_hangs_on(part)}"
    yield from _section("shared fate", [f"{one.harm}: {one.text}" for one in findings])
    yield from _section("posture of the watched names", [one.text for one in weaknesses])
    yield from _section("not known", survey.unknown)
    if not findings:
        yield ""
        yield (
            "no single failure that is known leaves the fleet blind, mute or without quorum"
            if not survey.unknown
            else "nothing found, and not all is known"
        )


def _section(title: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield ""
        yield title
        yield from (f"  {text}" for text in texts)


def _hangs_on(part: Part) -> str:
    said = ", ".join(str(domain) for domain in sorted(part.domains))
    return said or "nothing known: name audit.networks that say who owns its addresses"


def document(
    survey: Survey, findings: Sequence[Finding], weaknesses: Sequence[Weakness]
) -> Mapping[str, object]:
    """Return the report as a JSON object."""
    return {
        "parts": [
            {
                "role": part.role,
                "name": part.name,
                "needs": [
                    {
                        "what": need.what,
                        "ways": [
                            {"name": way.name, "domains": sorted(map(str, way.domains))}
                            for way in need.ways
                        ],
                    }
                    for need in part.needs
                ],
            }
            for part in survey.parts
        ],
        "findings": [
            {
                "harm": one.harm,
                "domains": [str(domain) for domain in one.domains],
                "parts": one.parts,
                "services": one.services,
                "text": one.text,
            }
            for one in findings
        ],
        "weaknesses": [{"subject": one.subject, "text": one.text} for one in weaknesses],
        "unknown": survey.unknown,
    }
