"""Networks: what is public and unicast may be asked, and nothing else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.outbound import networks


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1",
     "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::200e", "2400:cb00::1"],
)  # fmt: skip
def test_public_addresses_may_be_asked(address: str) -> None:
    assert networks.refusal(ip_address(address)) is None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_what_python_knows_as_special_is_refused(address: IPv4Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved or address.is_loopback:
        assert networks.refusal(address) is not None


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_of_ipv6_only_global_unicast_may_be_asked(address: IPv6Address) -> None:
    if networks.refusal(address) is None:
        assert int(address) >> 125 == 0b001
        assert not address.is_multicast


@given(st.integers(0, 2**32 - 1))
def test_an_address_of_ipv4_in_one_of_ipv6_is_refused_whatever_it_is(inner: int) -> None:
    around = (
        inner,
        (0xFFFF << 32) | inner,
        (0xFFFF << 48) | inner,
        (0x64FF9B << 96) | inner,
        (0x2002 << 112) | (inner << 80) | 1,
        (0x20010000 << 96) | inner,
        (0x2606470000000000 << 64) | (0x5EFE << 32) | inner,
    )

    assert [str(one) for one in map(IPv6Address, around) if networks.refusal(one) is None] == []
