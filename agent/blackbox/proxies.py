"""Which proxy stands between us and a target, by a module or by the environment.

The rules about whom to reach without it are Go's (golang.org/x/net/http/httpproxy).
"""

import os
from ipaddress import ip_address, ip_network

from vedette.agent.blackbox.client import Proxied
from vedette.checks.http.proxy import Proxy
from vedette.checks.http.target import Target
from vedette.checks.net import is_address


def proxy_of(settings: Proxied, target: Target) -> Proxy | None:
    """Return the proxy for *target*; raise ValueError where it cannot be used."""
    url, without = settings.proxy_url, settings.no_proxy
    if settings.proxy_from_environment:
        url = _variable("https_proxy" if target.secure else "http_proxy")
        without = _variable("no_proxy")
    if not url or any(_covers(part.strip(), target) for part in without.split(",")):
        return None
    headers = [
        (name, value.get_secret_value())
        for name, values in settings.proxy_connect_header.items()
        for value in values
    ]
    return Proxy(url=url, headers=tuple(headers))


def _variable(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def _covers(rule: str, target: Target) -> bool:
    """Whether *rule*, one of no_proxy, speaks of *target*: a domain, an address, a network, `*`."""
    if rule == "*":
        return True
    host = target.server_name.lower()
    name = rule.lower().removesuffix(f":{target.port}").strip("[]")
    if not name:
        return False
    if is_address(host):
        try:
            return ip_address(host) in ip_network(name, strict=False)
        except ValueError:
            return False
    return host.endswith(f".{name.lstrip('*.')}") or host == name
