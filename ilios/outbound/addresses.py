"""Addresses (URLs) as clients write them, read strictly: what two readers could read differently
is refused, so that what was checked is what is asked.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, unquote

from ilios.core.file_names import READ_MAX_BYTES, safe_file_name
from ilios.core.url_allowance import LAST_PORT, IpAddress
from ilios.core.url_errors import UrlNotAllowed

ADDRESS_MAX_CHARACTERS: Final = 8192
NAME_MAX_CHARACTERS: Final = 253  #: of a host, as the domain name system has it
USUAL_PORTS: Final = {"http": 80, "https": 443}

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_AUTHORITY: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_UNSEEN: Final = re.compile(
    "[\x00-\x20\x7f\\\\\ud800-\udfff]"
)  #: some readers skip them, others do not
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_IPV4: Final = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
_KEPT: Final = "%/:?#[]@!$&'()*+,;=-._~"  #: in path and query; all else is percent-encoded

_FORM: Final = "Write it as https://host/path, with a port after a colon if it has one of its own"


@dataclass(frozen=True, slots=True)
class Address:
    """An address that may be written as it was read."""

    scheme: str
    host: str  #: in ASCII and lower case, without brackets and without a dot at its end
    port: int
    target: str  #: path and query, as they are sent
    literal: IpAddress | None  #: the host, if it is no name

    @property
    def authority(self) -> str:
        """The host as the header `Host` has it: with a port that is not the usual one."""
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == USUAL_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def digest(self) -> str:
        """What it is known by where it may not be kept: it may hold a secret."""
        return hashlib.sha256(self.url.encode()).hexdigest()

    @property
    def file_name(self) -> str:
        """The last part of the path, as a name of a file."""
        path, _, _ = self.target.partition("?")
        last = path.rpartition("/")[2][-READ_MAX_BYTES:]
        return safe_file_name(unquote(last))


def parse(text: str) -> Address:
    """Read an address. Raise UrlNotAllowed, which quotes nothing but a host."""
    if len(text) > ADDRESS_MAX_CHARACTERS:
        raise _refused("length", f"It has more than {ADDRESS_MAX_CHARACTERS} characters")
    if _UNSEEN.search(text):
        raise _refused("form", f"It has a space, a control character or a backslash. {_FORM}")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if scheme not in USUAL_PORTS:
        raise _refused("scheme", "Only http and https are asked")
    rest = text[len(scheme) + 1 :].partition("#")[0]
    if not rest.startswith("//"):
        raise _refused("form", f"It has no host. {_FORM}")
    authority = re.split(r"[/?]", rest[2:], maxsplit=1)[0]
    host, port = _host_and_port(authority)
    name, literal = _host(host)
    after = rest[2 + len(authority) :]
    target = after if after.startswith("/") else f"/{after}"
    sent = quote(target, safe=_KEPT)
    return Address(scheme, name, port or USUAL_PORTS[scheme], sent, literal)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise _refused("credentials", "It has a user or a password before its host")
    found = _AUTHORITY.fullmatch(authority)
    if found is None or not found[1]:
        raise _refused("form", f"Its host cannot be read. {_FORM}")
    port = int(found[2]) if found[2] else None
    if port is not None and not 0 < port <= LAST_PORT:
        raise _refused("port", f"Its port is not between 1 and {LAST_PORT}")
    return found[1], port


def _host(sent: str) -> tuple[str, IpAddress | None]:
    """Return a host in its one form, and the address that it is, if it is no name."""
    if "%" in sent:
        raise _refused("host", "Its host has a percent sign")
    if sent.startswith("["):
        try:
            literal = IPv6Address(sent[1:-1])
        except ValueError:
            raise _refused("host", "Its host is no address of IPv6") from None
        return str(literal), literal
    name = _ascii(sent).lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > NAME_MAX_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise _refused("host", "Its host is no name of the domain name system")
    if _NUMBER.fullmatch(labels[-1]):  # so that no resolver takes it for a name
        return name, _ipv4(name)
    return name, None


def _ipv4(name: str) -> IPv4Address:
    try:
        if _IPV4.fullmatch(name):
            return IPv4Address(name)
    except ValueError:  # a number above 255
        pass
    raise _refused(
        "numeric form", "Its host is a number: write an address of IPv4 as four decimal numbers"
    )


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    import idna  # for the few that need it: its tables take milliseconds to load

    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise _refused("host", "Its host is no internationalised name") from None


def _refused(rule: str, why: str) -> UrlNotAllowed:
    return UrlNotAllowed(rule, why, is_openable=False)
