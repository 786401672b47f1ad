"""URL_ALLOW: the hosts and networks that may be asked although the guard would refuse them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

IpAddress = IPv4Address | IPv6Address
LAST_PORT: Final = 65_535
EXAMPLE: Final = "nas.lan,files.internal:8080,10.20.0.0/16"
_HOST: Final = re.compile(
    r"(?P<host>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class UrlAllowance:
    """Hosts, each for one port or for all of them (None), and networks."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = field(default=())

    @classmethod
    def of(cls, entries: Iterable[str]) -> UrlAllowance:
        """Read the entries of a list. Raise ValueError for one that is none."""
        hosts: set[tuple[str, int | None]] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            network = _network(entry)
            if network is None:
                hosts.add(_host(entry))
            else:
                networks.append(network)
        return cls(frozenset(hosts), tuple(networks))

    def names(self, host: str, port: int) -> bool:
        """Return whether a host is listed by this name, in lower case."""
        return not self.hosts.isdisjoint({(host, port), (host, None)})

    def covers(self, address: IpAddress, port: int) -> bool:
        """Return whether an address is listed, by itself or in a network."""
        return self.names(str(address), port) or any(address in one for one in self.networks)


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    """Return the network or the single address that an entry is; None for a host."""
    if "/" in entry:
        try:
            return ip_network(entry)
        except ValueError as error:
            raise ValueError(f"{entry!r:.60} is no network: {error}") from error
    is_bracketed = entry.startswith("[") and entry.endswith("]")
    try:
        return ip_network(ip_address(entry[1:-1] if is_bracketed else entry))
    except ValueError:
        return None


def _host(entry: str) -> tuple[str, int | None]:
    found = _HOST.fullmatch(entry)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or not (port is None or 0 < port <= LAST_PORT):
        raise ValueError(
            f"{entry!r:.60} is neither a host, nor host:port, nor a network such as 10.0.0.0/8"
        )
    host = found["host"].lower()
    if host.startswith("["):
        try:
            host = str(IPv6Address(host[1:-1]))
        except ValueError as error:
            raise ValueError(f"{entry!r:.60} is no address: {error}") from error
    return host, port
