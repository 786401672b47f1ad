"""The guard, against a port of this machine that must hear nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from ilios.core.conversion_errors import NotFetched
from ilios.core.url_allowance import UrlAllowance
from ilios.core.url_errors import UrlNotAllowed
from ilios.outbound.connections import Patience
from ilios.outbound.fetching import Fetcher
from ilios.outbound.guard import Guard
from tests.support.web_servers import Ear

PATIENCE: Final = Patience(connect_seconds=5.0, silence_seconds=5.0, total_seconds=20.0)
NAMES: Final = {
    "loopback.example": ["127.0.0.1"],
    "loopback6.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "private.example": ["10.1.2.3"],
    "link.example": ["fe80::1%lo"],
    "unspecified.example": ["0.0.0.0"],  # noqa: S104  # nothing is bound to it
    "mixed.example": ["8.8.8.8", "127.0.0.1"],
    "mixed-last.example": ["127.0.0.1", "2606:4700::1111"],
    "metadata.example": ["169.254.169.254"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "a.example": ["127.0.0.1"],
}
FORBIDDEN: Final = (
    # Names and numbers of this machine.
    "http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/",
    "http://a.localhost:{port}/", "http://localhost.localdomain:{port}/",
    "http://ip6-localhost:{port}/", "http://127.0.0.1:{port}/", "http://127.0.0.1.:{port}/",
    "http://127.0.0.2:{port}/", "http://127.255.255.254:{port}/", "https://127.0.0.1:{port}/",
    # The same in other figures.
    "http://2130706433:{port}/", "http://2130706433.:{port}/", "http://0x7f000001:{port}/",
    "http://0X7F000001:{port}/", "http://0x7f.0x0.0x0.0x1:{port}/", "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/", "http://0177.0.0.01:{port}/", "http://017700000001:{port}/",
    "http://00000177.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/",
    "http://127.0x1:{port}/", "http://127.0.0.0x1:{port}/", "http://127.000.000.001:{port}/",
    "http://4294967297:{port}/", "http://0:{port}/", "http://0x0:{port}/", "http://0.0.0.0:{port}/",
    # In other characters, with signs that some readers skip.
    "http://①②⑦.⓪.⓪.①:{port}/", "http://１２７.０.０.１:{port}/", "http://127。0。0。1:{port}/",
    "http://loc\u00adalhost:{port}/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/", "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/", "http://127.0.0.1%2eexample.com:{port}/",
    "http://127.0.0.1\t:{port}/", "http://127.0.0.1\n:{port}/", " http://127.0.0.1:{port}/",
    # As what stands before or behind the host.
    "http://example.com@127.0.0.1:{port}/", "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/", "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/", "//127.0.0.1:{port}/",
    # Of IPv6.
    "http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[::ffff:0:127.0.0.1]:{port}/", "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::127.0.0.1]:{port}/", "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/", "http://[2001::80ff:fffe]:{port}/",
    "http://[fe80::1]:{port}/", "http://[fe80::1%25lo]:{port}/", "http://[fe80::1%lo]:{port}/",
    "http://[fec0::1]:{port}/", "http://[fc00::1]:{port}/", "http://[fd00:ec2::254]:{port}/",
    "http://[ff02::1]:{port}/", "http://[100::1]:{port}/", "http://[2001:db8::1]:{port}/",
    "http://[3fff::1]:{port}/", "http://[4000::1]:{port}/",
    "http://[2606:4700::5efe:127.0.0.1]:{port}/",
    # Of networks that are not public.
    "http://10.0.0.1:{port}/", "http://172.16.0.1:{port}/", "http://172.31.255.255:{port}/",
    "http://192.168.0.1:{port}/", "http://100.64.0.1:{port}/", "http://100.127.255.255:{port}/",
    "http://169.254.169.254/latest/meta-data/", "http://169.254.170.2/v2/credentials",
    "http://100.100.100.200/latest/meta-data/", "http://192.0.0.192/opc/v1/instance/",
    "http://168.63.129.16/machine/", "http://metadata.google.internal/computeMetadata/v1/",
    "http://metadata.goog/", "http://192.0.2.1:{port}/", "http://198.18.0.1:{port}/",
    "http://198.51.100.1:{port}/", "http://203.0.113.1:{port}/", "http://224.0.0.1:{port}/",
    "http://239.255.255.250:{port}/", "http://240.0.0.1:{port}/", "http://255.255.255.255:{port}/",
    "http://192.88.99.1:{port}/",
    # Names that resolve to such, some of them to a public address too.
    *(f"http://{name}:{{port}}/" for name in NAMES),
    "http://a.example.:{port}/", "https://a.example:{port}/", "http://A.EXAMPLE:{port}/",
    # What is not HTTP.
    "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/", "file://127.0.0.1:{port}/etc/passwd",
    "unix://127.0.0.1:{port}/", "ws://127.0.0.1:{port}/", "dict://127.0.0.1:{port}/",
)  # fmt: skip


def resolve(host: str, _port: int) -> list[str]:
    return NAMES[host]


@pytest.fixture
def ear() -> Iterator[Ear]:
    with closing(Ear()) as ear:
        yield ear


def test_there_are_enough_forms() -> None:
    assert len(set(FORBIDDEN)) >= 60


@pytest.mark.parametrize("form", FORBIDDEN)
def test_a_forbidden_address_is_not_asked(form: str, ear: Ear) -> None:
    url = form.format(port=ear.port)
    fetcher = Fetcher(Guard(UrlAllowance(), resolve), PATIENCE)

    with pytest.raises(NotFetched) as refused:
        fetcher.fetch(url, bytearray().extend, limit_bytes=1000)

    assert refused.value.code == "url_not_allowed"
    assert "URL_ALLOW" in refused.value.detail
    assert not refused.value.retryable
    assert not ear.has_heard


def test_the_ear_hears_what_is_opened(ear: Ear) -> None:
    allowance = UrlAllowance.of((f"loopback.example:{ear.port}",))
    hasty = Patience(connect_seconds=5.0, silence_seconds=0.05, total_seconds=20.0)

    with pytest.raises(NotFetched, match="stopped answering"):
        Fetcher(Guard(allowance, resolve), hasty).fetch(
            f"http://loopback.example:{ear.port}/", bytearray().extend, limit_bytes=1000
        )

    assert ear.has_heard


@pytest.mark.parametrize("entry", ["127.0.0.0/8", "127.0.0.1", "loopback.example"])
def test_an_entry_opens_an_address(entry: str) -> None:
    guard = Guard(UrlAllowance.of((entry,)), resolve)

    places = guard.places(guard.checked("http://loopback.example/"))

    assert list(map(str, places)) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "url",
    ["http://loopback.example:81/", "http://127.1/", "http://[::ffff:127.0.0.1]/",
     "http://mixed-private.example/", "http://user@127.0.0.1/"],
)  # fmt: skip
def test_an_entry_opens_nothing_else(url: str) -> None:
    names = {**NAMES, "mixed-private.example": ["127.0.0.1", "10.0.0.1"]}
    allowance = UrlAllowance.of(("loopback.example:80", "127.0.0.1:80"))
    guard = Guard(allowance, lambda host, _port: names[host])

    with pytest.raises(UrlNotAllowed):
        guard.places(guard.checked(url))


def test_a_name_is_not_resolved_before_it_is_asked() -> None:
    asked: list[str] = []

    def note(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"]

    Guard(UrlAllowance(), note).checked("http://a.example/")

    assert asked == []


@pytest.mark.parametrize("found", [[], ["not an address"]])
def test_a_name_without_an_address_is_not_fetched(found: list[str]) -> None:
    guard = Guard(UrlAllowance(), lambda _host, _port: found)

    with pytest.raises(NotFetched, match="no address") as refused:
        guard.places(guard.checked("http://a.example/"))

    assert refused.value.code == "url_unavailable"


def test_the_system_resolves_names_of_its_own() -> None:
    guard = Guard(UrlAllowance.of(("localhost",)))

    places = guard.places(guard.checked("http://localhost/"))

    assert set(map(str, places)) <= {"127.0.0.1", "::1"}
