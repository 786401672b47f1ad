"""URLs that are called: one form, and nothing that could be read two ways."""

from __future__ import annotations

import pytest

from ilios.core.url_addresses import URL_MAX_CHARACTERS, parse


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/A?b=1#c", "https://example.com/A?b=1"),
        ("http://example.com:8080?x", "http://example.com:8080/?x"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
        ("http://a_b.example:1/", "http://a_b.example:1/"),
    ],
)
def test_a_url_has_one_form(url: str, form: str) -> None:
    assert parse(url).url == form
    assert parse(form).url == form
    assert form.startswith(parse(url).origin)


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "//example.com", "ftp://example.com", "https:///x", "https://"),
        *("https://a:b@example.com", "https://a@example.com", "https://example.com:0/"),
        *("https://example.com:99999/", "https://example.com:x/", "https://exa mple.com"),
        *("https://example.com/\r\nx: y", "https://example.com/\\x", "https://münchen.example/"),
        *("https://[::1", "https://[::1%25eth0]/", "https://::1/", "https://.example.com/"),
        "https://example.com/" + "x" * URL_MAX_CHARACTERS,
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse(url)
