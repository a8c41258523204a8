"""A router that tells by BMP what it hears: FRR's bgpd, without the rest of FRR."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import accepts, need, running
from tests.servers.speaker import Speaker

_CONFIG = """\
hostname {name}
log stdout informational
router bgp {own.asn}
 bgp router-id {own.host}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor {other.host} remote-as {other.asn}
 neighbor {other.host} port {other.port}
 neighbor {other.host} ebgp-multihop
 neighbor {other.host} update-source {own.host}
 neighbor {other.host} timers connect 1
{families}
 bmp targets station
{monitored}
  bmp connect 127.0.0.1 port {station} min-retry 100 max-retry 500
"""

# BMP has no announcements before the policy unless they are kept.
_FAMILY = """\
 address-family ipv{version} unicast
  neighbor {other.host} activate
  neighbor {other.host} soft-reconfiguration inbound
{options}
 exit-address-family"""


@contextmanager
def frr(folder: Path, own: Speaker, other: Speaker, station: int, name: str) -> Iterator[None]:
    """Hear *other* and tell the BMP station at port *station*, as the router *name*."""
    program = need("/usr/lib/frr/bgpd")
    folder.mkdir(parents=True, exist_ok=True)
    options = f"  neighbor {other.host} addpath-tx-all-paths" if own.add_path else ""
    if not own.add_path:
        options = f"  neighbor {other.host} disable-addpath-rx"
    families = [_FAMILY.format(version=n, other=other, options=options) for n in (4, 6)]
    config = folder / "bgpd.conf"
    config.write_text(
        _CONFIG.format(
            name=name,
            own=own,
            other=other,
            families="\n".join(families),
            monitored="\n".join(f"  bmp monitor ipv{n} unicast pre-policy" for n in (4, 6)),
            station=station,
        )
    )
    # No kernel routes, no change of user, no port for telnet.
    command = [program, "-Z", "-S", "-P", "0", "-M", "bmp", "-f", str(config)]
    command += ["-l", own.host, "-p", str(own.port)]
    command += ["-i", str(folder / "pid"), "--vty_socket", str(folder)]
    with running(command, log=folder / "log", ready=accepts(own.port, own.host)):
        yield
