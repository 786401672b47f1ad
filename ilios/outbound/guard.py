"""The guard: which addresses may be asked for a client, and at which places of the network.

A name is resolved once. All that it resolves to must be allowed, and the connection is made to one
of these and to nothing else: a name server that answers differently the next time changes nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from ilios.core.conversion_errors import NotFetched
from ilios.core.url_allowance import IpAddress, UrlAllowance
from ilios.core.url_errors import UrlNotAllowed
from ilios.outbound import addresses, networks
from ilios.outbound.addresses import Address

Resolve = Callable[[str, int], Sequence[str]]
"""Returns what a name resolves to, as text. Raises OSError."""

_LOCAL_NAMES: Final = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_METADATA_NAMES: Final = ("metadata.google.internal", "metadata.goog")


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system. Its own bounds of time hold."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class Guard:
    """Decides for all threads of a process."""

    def __init__(self, allowance: UrlAllowance, resolve: Resolve = system_resolver) -> None:
        self._allowance = allowance
        self._resolve = resolve

    def checked(self, text: str) -> Address:
        """Read an address, and refuse what its text shows. Raise UrlNotAllowed."""
        address = addresses.parse(text)
        self.check(address)
        return address

    def check(self, address: Address) -> None:
        """Raise UrlNotAllowed for an address whose host may not be asked, as far as it shows."""
        if self._allowance.names(address.host, address.port):
            return
        if address.literal is not None:
            self._require(address, address.literal)
        elif address.host in _LOCAL_NAMES or address.host.endswith(".localhost"):
            raise _refused(address.host, "loopback")
        elif address.host in _METADATA_NAMES:
            raise _refused(address.host, "metadata of a cloud")

    def places(self, address: Address) -> list[IpAddress]:
        """Return where an address may be connected to.

        Raises UrlNotAllowed when it, or any of the places, may not be asked, and NotFetched when
        its name has none.
        """
        self.check(address)
        if address.literal is not None:
            return [address.literal]
        places = self._resolved(address)
        if not self._allowance.names(address.host, address.port):
            for place in places:
                self._require(address, place)
        return places

    def _resolved(self, address: Address) -> list[IpAddress]:
        try:
            # An address of IPv6 may come with the interface that it belongs to.
            found = [name.partition("%")[0] for name in self._resolve(address.host, address.port)]
            places = [ip_address(name) for name in found]
        except socket.gaierror as error:
            is_passing = error.errno == socket.EAI_AGAIN
            raise _unresolved(address, is_passing=is_passing) from error
        except (OSError, ValueError) as error:
            raise _unresolved(address, is_passing=True) from error
        if not places:
            raise _unresolved(address, is_passing=False)
        return places

    def _require(self, address: Address, place: IpAddress) -> None:
        rule = networks.refusal(place)
        if rule is not None and not self._allowance.covers(place, address.port):
            raise _refused(address.host, rule)


def _refused(host: str, rule: str) -> UrlNotAllowed:
    # Not what a name resolves to: that is the operator's to know.
    return UrlNotAllowed(rule, f"{host:.100} is not asked")


def _unresolved(address: Address, *, is_passing: bool) -> NotFetched:
    return NotFetched(
        f"{address.host:.100} has no address that is known here; 0 bytes were received.",
        retryable=is_passing,
    )
