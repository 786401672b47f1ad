"""The guard lets public addresses through, and what URL_ALLOW names."""

from __future__ import annotations

import socket

import pytest

from ilios.core.address_guard import AddressGuard, Exceptions
from ilios.core.url_addresses import parse
from ilios.core.webhook_errors import UrlNotAllowed

FORBIDDEN = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1"),
    *("017700000001", "0", "0.0.0.1", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.0.1", "192.168.1", "3232235521", "0xc0a80001", "169.254.169.254", "169.254.1"),
    *("2852039166", "0xa9fea9fe", "100.64.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9"),
    *("198.18.0.1", "192.0.0.8", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("[::1]", "[::]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[0:0:0:0:0:ffff:c0a8:1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]"),
    *("[2002:7f00:1::]", "[2002:a00:1::1]", "[2002:a9fe:a9fe::]", "[2001:0:0:0:0:0:80ff:fffe]"),
    *("[fe80::1]", "[febf::1]", "[fc00::1]", "[fd00::1]", "[fd00:ec2::254]", "[fec0::1]"),
    *("[2001:db8::1]", "[ff02::1]", "[100::1]", "[::2]", "[5f00::1]"),
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "ip6-localhost", "intranet"),
    *("metadata.google.internal", "printer.local", "router.home.arpa", "x.localdomain"),
)


@pytest.mark.parametrize("host", FORBIDDEN)
def test_what_is_not_public_is_refused_without_a_resolver(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError(host)

    monkeypatch.setattr(socket, "getaddrinfo", asked)

    with pytest.raises(UrlNotAllowed, match="URL_ALLOW"):
        AddressGuard().require(parse(f"http://{host}/"))
    with pytest.raises(UrlNotAllowed):
        AddressGuard().connect(parse(f"http://{host}/"), 1)


@pytest.mark.parametrize("host", ["example.com", "8.8.8.8", "[2606:4700::1111]", "1.1.1.1"])
def test_what_is_public_may_be_reached(host: str) -> None:
    AddressGuard().require(parse(f"https://{host}/"))


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("10.0.0.0/8, hooks.internal", "http://10.1.2.3/"),
        ("10.0.0.0/8, hooks.internal", "https://hooks.internal/"),
        ("hooks.internal:443", "https://HOOKS.internal/"),
        ("[::1]:80", "http://[::1]/"),
        ("fd00::/8", "http://[fd00::7]:9/"),
    ],
)
def test_what_is_named_may_be_reached(allowed: str, url: str) -> None:
    AddressGuard(Exceptions.parse(allowed)).require(parse(url))


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8081/"),
        ("10.0.0.0/24", "http://10.0.1.1/"),
        ("hooks.internal", "http://a.hooks.internal/"),
    ],
)
def test_what_is_not_quite_what_is_named_may_not(allowed: str, url: str) -> None:
    with pytest.raises(UrlNotAllowed):
        AddressGuard(Exceptions.parse(allowed)).require(parse(url))


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Let a name resolve to each of these lists, one after the other."""
    left = iter(answers)

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, PORT)) for address in next(left)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


PORT = 9


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_leads_inside_is_refused_before_any_connection(
    monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    resolving(monkeypatch, answers)
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("connected"))

    with pytest.raises(UrlNotAllowed):
        AddressGuard().connect(parse("https://rebinding.example/"), 1)


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    asked: list[tuple[str, int]] = []

    def connect(place: tuple[str, int], timeout: float) -> None:
        asked.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)

    with pytest.raises(ConnectionRefusedError):
        AddressGuard().connect(parse("https://rebinding.example/"), 1)
    assert asked == [("8.8.8.8", PORT)]
