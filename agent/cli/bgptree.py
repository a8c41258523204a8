"""A prefix drawn for a person: who reaches it, by way of whom, who does not, and why it matters."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from vedette.agent.cli.explain import COLOURS
from vedette.agent.clock import utc
from vedette.checks.bgp.path import neighbour_of, origins_of
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.peers import asn_of
from vedette.checks.bgp.ripestat.sight import Sight
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Verdict
from vedette.checks.words import some

_MATTERS = {
    Reason.WITHDRAWN: "to most of the world its addresses do not exist; whatever serves from them "
    "is down, however well it is.",
    Reason.PARTIALLY_WITHDRAWN: "to much of the world its addresses do not exist.",
    Reason.ORIGIN: "whoever takes that route sends its traffic to somebody else.",
    Reason.MORE_SPECIFIC: "routers prefer the longer prefix, so that its traffic goes there even "
    "where the right route is known.",
    Reason.PATH: "traffic takes a way that it should not, which may be slow, or read.",
}
"""What each reason means to those who use the prefix."""

_SHOWN = 8
"""How many neighbours, strangers or collectors with losses are listed."""
_NAMED = 2
"""How many of a collector's peers that lost the prefix are named."""
_WHO = len("1000 peers of 100 ASes")
_BAR = 20
"""How many characters the whole of a bar has."""

Seen = tuple[str, int]
"""What a peer sees, in a few words, and the peer's AS number."""


def draw(console: Console, watch: Watch, sight: Sight) -> None:
    """Print who has the prefix, by origin, neighbour and collector, and what is wrong."""
    if sight.at is not None:
        console.print(_tree(watch, sight))
    for line in _wrong(sight):
        console.print(line)


def _tree(watch: Watch, sight: Sight) -> Tree:
    root = Tree(_title(watch, sight), guide_style="dim")
    held = sight.holders
    right = {peer: path for peer, path in held.items() if watch.origins & {*origins_of(path)}}
    parts = [(prefix, path) for prefix, rows in sight.parts.items() for path in rows.values()]
    expected = {f"AS{asn}" for asn in watch.origins}
    origins = [(f"AS{asn}", asn_of(path)) for path in held.values() for asn in origins_of(path)]
    ways = [(neighbour_of(path), asn_of(path)) for path in right.values()]
    inside = [(f"{prefix} AS{asn}", asn_of(p)) for prefix, p in parts for asn in origins_of(p)]
    _branch(root, "originated by", origins, lambda name: "" if name in expected else "red")
    _branch(root, "by way of", [(f"AS{asn}", peer) for asn, peer in ways if asn is not None])
    _branch(root, "more-specifics", inside, lambda name: "" if _is_part(name, watch) else "red")
    _collectors(root, right, {*sight.lost, *(held.keys() - right.keys())})
    return root


def _title(watch: Watch, sight: Sight) -> Text:
    names = " or ".join(f"AS{asn}" for asn in sorted(watch.origins))
    assert sight.at is not None
    told = f"RIPEstat's table of {utc(sight.at)}"
    if sight.past_at is not None:
        told += f", and of {utc(sight.past_at)}"
    return Text.assemble((f"{watch.prefix} of {names}", "bold"), (f"\n{told}", "dim"))


def _is_part(name: str, watch: Watch) -> bool:
    """Whether a more-specific, as PREFIX AS, is one that is announced on purpose."""
    prefix, _, origin = name.partition(" AS")
    return prefix in watch.more_specifics and int(origin) in watch.origins


def _branch(
    root: Tree, title: str, seen: Sequence[Seen], style: Callable[[str], str] = lambda _: ""
) -> None:
    """Add what is seen, each with how many peers and peer ASes see it, the most seen first."""
    if not seen:
        return
    counts = Counter(name for name, _ in seen).most_common()
    ases = {name: len({asn for one, asn in seen if one == name}) for name, _ in counts[:_SHOWN]}
    width = max(len(name) for name in ases)
    branch = root.add(Text(title, "dim"))
    for name, peers in counts[:_SHOWN]:
        bar = "█" * round(_BAR * peers / len(seen)) or "▏"
        who = f"{_several(peers, 'peer')} of {_several(ases[name], 'AS')}"
        branch.add(Text(f"{name.ljust(width)}  {who.ljust(_WHO)}  {bar}", style(name)))
    if rest := counts[_SHOWN:]:
        peers = sum(count for _, count in rest)
        branch.add(Text(f"{len(rest)} more at {_several(peers, 'peer')}", "dim"))


def _several(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 'es' if word == 'AS' else 's'}"


def _collectors(root: Tree, right: Collection[Peer], without: Collection[Peer]) -> None:
    """Add the collectors whose peers lost the prefix, those that lost most first, then the rest."""
    lost: dict[str, list[Peer]] = {}
    for peer in sorted(without):
        lost.setdefault(peer.collector, []).append(peer)
    holding = Counter(peer.collector for peer in right)
    branch = root.add(Text("collectors", "dim"))
    worst = sorted(lost, key=lambda name: (-len(lost[name]), name))
    for name in worst[:_SHOWN]:
        peers = lost[name]
        named = some([peer.address for peer in peers], _NAMED)
        total = holding[name] + len(peers)
        branch.add(
            Text.assemble(
                f"{name}  ",
                (
                    f"{holding[name]} of {total} peers",
                    "red" if 2 * len(peers) > total else "yellow",
                ),
                (f", not {named}", "dim"),
            )
        )
    if len(worst) > _SHOWN:
        branch.add(Text(f"{len(worst) - _SHOWN} more lack it at fewer peers", "dim"))
    if well := [name for name in holding if name not in lost]:
        all_of = _several(sum(holding[name] for name in well), "peer")
        which = _several(len(well), "other" if lost else "collector")
        branch.add(Text(f"{which} with all {all_of}", "green"))


def _wrong(sight: Sight) -> Iterator[Text]:
    """Say in a sentence what was seen, and why it matters where that is wrong."""
    finding = sight.finding
    mark = {Verdict.OK: "✓", Verdict.FAILING: "✗", Verdict.UNKNOWN: "?"}[finding.verdict]
    yield Text()
    yield Text.assemble((f"{mark} ", COLOURS[finding.verdict]), finding.detail)
    if isinstance(finding.reason, Reason) and finding.reason in _MATTERS:
        yield Text(f"  why it matters: {_MATTERS[finding.reason]}", "dim")
    if sight.at is not None and sight.past_at is None:
        yield Text(
            "  the table of a day ago could not be had: who lost it before is unknown", "dim"
        )
    yield Text()
