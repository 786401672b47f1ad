"""Addresses of receivers: those that the guard lets pass, and that have an end."""

from __future__ import annotations

import pytest

from ilios.core.url_allowance import UrlAllowance
from ilios.core.url_errors import UrlNotAllowed
from ilios.outbound.guard import Guard
from ilios.webhooks.receivers import URL_MAX_CHARACTERS, checked

GUARD = Guard(UrlAllowance())


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/A?b=1#c", "https://example.com/A?b=1"),
        ("http://example.com:8080?x", "http://example.com:8080/?x"),
        ("http://[2606:4700:0::1111]:80/", "http://[2606:4700::1111]/"),
    ],
)
def test_an_address_has_one_form_with_a_slash_behind_its_host(text: str, url: str) -> None:
    address = checked(GUARD, text)

    assert address.url == url
    # As the triggers find it: see ilios.db.webhook_triggers.
    assert address.origin == url[: 8 + url[8:].index("/") + 1]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("example.com", "scheme"),
        ("https://name:word@example.com/", "credentials"),
        ("http://169.254.169.254/x", "link-local"),
        (f"https://example.com/{'x' * URL_MAX_CHARACTERS}", "length"),
        (f"https://example.com/{'ä' * (URL_MAX_CHARACTERS // 6)}", "length"),
    ],
)
def test_what_no_event_is_sent_to_is_refused_by_its_rule(text: str, rule: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        checked(GUARD, text)

    assert refused.value.rule == rule
    assert "URL_ALLOW" in refused.value.detail
