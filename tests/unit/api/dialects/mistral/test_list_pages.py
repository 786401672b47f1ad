"""Pages of lists."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.api.dialects.mistral.list_pages import ListPage, asked
from ilios.api.dialects.options import Options
from ilios.core.request_errors import InvalidField


@pytest.mark.parametrize(
    ("sent", "page"),
    [
        ({}, ListPage(0, 20)),
        ({"page": "3"}, ListPage(60, 20)),
        ({"page": "2", "page_size": "5"}, ListPage(10, 5)),
    ],
)
def test_pages_are_numbered_from_0(sent: dict[str, Any], page: ListPage) -> None:
    assert asked(Options(sent), 100, 20) == page


@pytest.mark.parametrize("sent", [{"page": "-1"}, {"page_size": "0"}, {"page_size": "101"}])
def test_what_is_no_page_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        asked(Options(sent), 100, 20)
