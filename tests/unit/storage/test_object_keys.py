"""Keys of objects."""

from __future__ import annotations

import pytest

from ilios.storage import object_keys


def test_a_key_contains_instance_and_document() -> None:
    assert object_keys.source_key("i", "d") == "documents/i/d/source"
    assert object_keys.image_key("i", "d", "p1_2.png") == "documents/i/d/images/p1_2.png"
    assert object_keys.incoming_key("i", "d") == "incoming/i/d"


@pytest.mark.parametrize("name", ["", ".", "..", "../x.png", "a/b.png", "a b.png", "ä.png", "x\n"])
def test_an_image_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an extracted image"):
        object_keys.image_key("i", "d", name)
