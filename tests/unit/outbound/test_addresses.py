"""Addresses: one reading of each, and a refusal for all that could have two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.core.url_errors import UrlNotAllowed
from ilios.outbound import addresses
from ilios.outbound.addresses import ADDRESS_MAX_CHARACTERS


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTPS://EXAMPLE.com:443/a", "https://example.com/a"),
        ("http://example.com:/a", "http://example.com/a"),
        ("http://example.com.:8080/a?b=c#d", "http://example.com:8080/a?b=c"),
        ("http://example.com?b", "http://example.com/?b"),
        ("http://example.com/ä/{x}|", "http://example.com/%C3%A4/%7Bx%7D%7C"),
        ("http://example.com/%41%2f", "http://example.com/%41%2f"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("http://8.8.8.8/a", "http://8.8.8.8/a"),
        ("http://[2606:4700:0::1111]:80/", "http://[2606:4700::1111]/"),
        ("http://sub_domain.example.com/", "http://sub_domain.example.com/"),
    ],
)
def test_an_address_has_one_form(text: str, url: str) -> None:
    assert addresses.parse(text).url == url
    assert addresses.parse(url).url == url


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "scheme"),
        ("example.com/a.pdf", "scheme"),
        ("//example.com/a.pdf", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://example.com/", "scheme"),
        ("gopher://example.com/", "scheme"),
        ("data:text/plain,hello", "scheme"),
        ("http+unix://%2Frun%2Fdocker.sock/", "scheme"),
        ("http:example.com", "form"),
        ("http:/example.com", "form"),
        ("http:///example.com", "form"),
        ("http://", "form"),
        ("http://:80/", "form"),
        ("http://example.com:port/", "form"),
        ("http://example.com:80:80/", "form"),
        ("http://a[::1]/", "form"),
        (" http://example.com/", "form"),
        ("http://example.com/a b", "form"),
        ("http://example.com/a\r\nX: y", "form"),
        ("http://exa\tmple.com/", "form"),
        ("http://example.com\\@127.0.0.1/", "form"),
        ("http://example.com/\ud800", "form"),
        ("http://user@example.com/", "credentials"),
        ("http://user:word@example.com/", "credentials"),
        ("http://@example.com/", "credentials"),
        ("http://example.com:0/", "port"),
        ("http://example.com:65536/", "port"),
        ("http://exam%70le.com/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://[::zz]/", "host"),
        ("http://[127.0.0.1]/", "host"),
        ("http://a..example.com/", "host"),
        ("http://example.com../", "host"),
        ("http://-a.example.com/", "host"),
        ("http://ex*mple.com/", "host"),
        (f"http://{'a' * 64}.com/", "host"),
        (f"http://{'a.' * 130}com/", "host"),
        ("http://ex\u00a0ample.com/", "host"),
        (f"http://example.com/{'a' * ADDRESS_MAX_CHARACTERS}", "length"),
        ("http://127.1/", "numeric form"),
        ("http://2130706433/", "numeric form"),
        ("http://1.2.3.4.5/", "numeric form"),
        ("http://256.1.1.1/", "numeric form"),
        ("http://example.0x7f/", "numeric form"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str, rule: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        addresses.parse(text)

    assert refused.value.rule == rule
    assert f"({rule})" in refused.value.detail
    assert "URL_ALLOW" in refused.value.detail


@given(st.text(max_size=60))
def test_a_refusal_quotes_nothing_of_an_address(rest: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        addresses.parse(f"http://user:SECRETWORD@{rest}?token=SECRETWORD")

    assert "SECRETWORD" not in refused.value.detail


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/a/report.pdf?x=/y.txt", "report.pdf"),
        ("https://example.com/a/r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
        ("https://example.com/a%2F..%2Fb.pdf", "b.pdf"),
        ("https://example.com/", "document"),
        ("https://example.com/%00", "document"),
    ],
)
def test_the_path_names_a_file(url: str, name: str) -> None:
    assert addresses.parse(url).file_name == name
