"""URL_ALLOW: which entries there may be, and what each opens."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ilios.core.url_allowance import UrlAllowance

LISTED = UrlAllowance.of(
    ("nas.lan", "Files.Internal:8080", "10.20.0.0/16", "192.168.1.5", "[fd00::1]:9000", "fd12::/16")
)


@pytest.mark.parametrize(
    ("host", "port", "is_named"),
    [
        ("nas.lan", 80, True),
        ("nas.lan", 8443, True),
        ("files.internal", 8080, True),
        ("files.internal", 80, False),
        ("other.nas.lan", 80, False),
        ("nas.lan.example.com", 80, False),
        ("fd00::1", 9000, True),
        ("fd00::1", 80, False),
    ],
)
def test_a_host_is_opened_for_its_port_or_for_all(host: str, port: int, is_named: bool) -> None:
    assert LISTED.names(host, port) is is_named


@pytest.mark.parametrize(
    ("address", "is_covered"),
    [
        ("10.20.255.1", True),
        ("10.21.0.1", False),
        ("192.168.1.5", True),
        ("192.168.1.6", False),
        ("fd12::9", True),
        ("fd13::9", False),
        ("::ffff:10.20.0.1", False),  # it is another address, of another network
    ],
)
def test_networks_and_addresses_are_opened(address: str, is_covered: bool) -> None:
    assert LISTED.covers(ip_address(address), 80) is is_covered


def test_an_address_may_be_opened_for_a_port() -> None:
    assert LISTED.covers(ip_address("fd00::1"), 9000)
    assert not LISTED.covers(ip_address("fd00::1"), 9001)


@pytest.mark.parametrize(
    "entry",
    ["http://nas.lan", "nas.lan/path", "10.0.0.1/8", "nas.lan:0", "nas.lan:70000", "*", "-", "a b",
     "[fd00::1", "[zz::1]:80", "user@nas.lan", ".nas.lan"],
)  # fmt: skip
def test_what_is_no_entry_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is n(either|o)"):
        UrlAllowance.of((entry,))


def test_nothing_listed_opens_nothing() -> None:
    assert not UrlAllowance().names("localhost", 80)
    assert not UrlAllowance().covers(ip_address("127.0.0.1"), 80)
