"""The page that converts a document."""

from __future__ import annotations

import re
from collections import Counter

from ilios.engines.detection import archives, media_types
from tests.support.api_callers import Caller


def test_the_file_picker_offers_every_extension_that_is_read_or_unpacked(nobody: Caller) -> None:
    page = nobody.get("/").text
    offered = re.search(r'type="file"[^>]* accept="([^"]*)"', page)

    assert offered is not None
    assert {".jpeg", ".tiff", ".htm", ".tab", ".docm", ".pdf"} <= set(offered[1].split(","))
    assert set(offered[1].split(",")) == {*media_types.NAMED, *archives.EXTENSIONS}


def test_no_two_elements_of_the_page_have_one_id(nobody: Caller) -> None:
    ids = Counter(re.findall(r' id="([^"]+)"', nobody.get("/").text))

    assert len(ids) > 50
    assert [name for name, times in ids.items() if times > 1] == []
