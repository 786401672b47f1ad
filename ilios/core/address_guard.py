"""The guard of outgoing requests: which addresses the service may reach for a client.

A name is resolved once, each of its addresses is checked, and the connection goes to the address
that was checked: a resolver that answers otherwise a moment later changes nothing. What is not a
public address is refused, unless URL_ALLOW names it.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ilios.core.settings import Settings
from ilios.core.settings.fields import listed
from ilios.core.url_addresses import UrlAddress
from ilios.core.webhook_errors import UrlNotAllowed

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOCAL_NAMES: Final = ("localhost", "local", "internal", "localdomain", "home.arpa")
_NUMERIC: Final = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]*|[0-9]+)){0,3}")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_ENTRY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What URL_ALLOW names: hosts, at any port or at one, and networks."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Exceptions:
        """Raise ValueError for an entry that is no host, host:port or network."""
        hosts: set[tuple[str, int | None]] = set()
        networks: list[IpNetwork] = []
        for entry in listed(text):
            with suppress(ValueError):
                networks.append(ipaddress.ip_network(entry))
                continue
            match = _ENTRY.fullmatch(entry)
            if match is None or "/" in entry:
                raise ValueError(f"{entry!r:.80} is no host, host:port or network")
            hosts.add((match[1].strip("[]").lower(), int(match[2]) if match[2] else None))
        return cls(frozenset(hosts), tuple(networks))

    def name(self, host: str, port: int) -> bool:
        """Return whether a host is named, at any port or at this one."""
        return not self.hosts.isdisjoint({(host, None), (host, port)})

    def contain(self, address: IpAddress) -> bool:
        """Return whether an address lies in a network that is named."""
        return any(address in network for network in self.networks)


class AddressGuard:
    """Decides, and connects. Safe to share between threads."""

    def __init__(self, exceptions: Exceptions | None = None) -> None:
        self._exceptions = exceptions or Exceptions()

    @classmethod
    def of(cls, settings: Settings) -> AddressGuard:
        """Return the guard that the settings ask for."""
        return cls(Exceptions.parse(settings.url_allow or ""))

    def require(self, address: UrlAddress) -> None:
        """Raise UrlNotAllowed for what can be told without asking a resolver."""
        if self._exceptions.name(address.host, address.port):
            return
        literal = _literal(address.host)
        if literal is not None:
            self._require_address(address, literal)
        elif _is_local_name(address.host):
            raise UrlNotAllowed(address.host, "the name is one of this machine or network")

    def connect(self, address: UrlAddress, timeout_seconds: float) -> socket.socket:
        """Return a TCP connection to the first address of a host that answers.

        The name is resolved here, and all of its addresses have to be allowed. `timeout_seconds`
        is for each connection; a resolver takes the time that the system gives it. Raises
        UrlNotAllowed, and OSError when there is no connection.
        """
        self.require(address)
        is_named = self._exceptions.name(address.host, address.port)
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        places = list(dict.fromkeys(place[:2] for *_, place in found))
        if not is_named:
            for ip, _ in places:
                self._require_address(address, ipaddress.ip_address(ip))
        return _connected(places, timeout_seconds)

    def _require_address(self, address: UrlAddress, ip: IpAddress) -> None:
        if self._exceptions.contain(ip) or self._exceptions.name(str(ip), address.port):
            return
        if (rule := _rule_against(ip)) is not None:
            raise UrlNotAllowed(address.host, rule)


def _connected(places: Iterable[tuple[object, ...]], timeout_seconds: float) -> socket.socket:
    failure = OSError("the name has no address")
    for ip, port in places:
        try:
            return socket.create_connection((str(ip), int(str(port))), timeout_seconds)
        except OSError as error:
            failure = error
    raise failure


def _literal(host: str) -> IpAddress | None:
    """Return the address that a host is in itself, also in the forms that C libraries take."""
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    if _NUMERIC.fullmatch(host):
        with suppress(OSError):
            return ipaddress.IPv4Address(socket.inet_aton(host))
    return None


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".")
    return "." not in name or any(
        name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES
    )


def _rule_against(ip: IpAddress) -> str | None:
    """Return why an address may not be reached; None for a public one."""
    embedded = _embedded(ip)
    if embedded is not None and (rule := _rule_against(embedded)):
        return rule
    if ip.is_loopback:
        return "its address is one of this machine"
    if ip.is_link_local:
        return "its address is link-local, where clouds keep their metadata"
    is_site_local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    if not ip.is_global or ip.is_multicast or ip.is_reserved or is_site_local:
        return "its address is private, or reserved"
    return None


def _embedded(ip: IpAddress) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64 or ip in _COMPATIBLE:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
