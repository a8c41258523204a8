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
    url = settings.proxy_url
    if settings.proxy_from_environment:
        url = _variable("https_proxy" if target.secure else "http_proxy")
        url = url if "://" in url or not url else f"http://{url}"
    if not url or goes_direct(settings, target.server_name, target.port):
        return None
    headers = [
        (name, value.get_secret_value())
        for name, values in settings.proxy_connect_header.items()
        for value in values
    ]
    return Proxy(url=url, headers=tuple(headers))


def goes_direct(settings: Proxied, host: str, port: int) -> bool:
    """Whether *host*, a name or an address, is one that is reached without the proxy."""
    without = settings.no_proxy
    if settings.proxy_from_environment:
        without = _variable("no_proxy")
    elif not without:
        return False
    rules = (part.strip() for part in without.split(","))
    return _is_here(host) or any(_covers(rule, host.lower(), port) for rule in rules)


def _is_here(host: str) -> bool:
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def _variable(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def _covers(rule: str, host: str, port: int) -> bool:
    """Whether *rule*, one of no_proxy, speaks of *host*: a domain, an address, a network, `*`."""
    if rule == "*":
        return True
    name = rule.lower().removesuffix(f":{port}").strip("[]")
    if not name:
        return False
    if is_address(host):
        try:
            return ip_address(host) in ip_network(name, strict=False)
        except ValueError:
            return False
    return host.endswith(f".{name.lstrip('*.')}") or host == name
