"""Which engine converts which documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.core.settings import Settings
from ilios.engines import registry
from ilios.engines.detection import media_types
from ilios.engines.embedded.readers import READERS


@pytest.fixture
def embedded(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, ocr_engine="embedded")


@pytest.fixture
def mistral(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, ocr_engine="mistral", mistral_api_key="key")  # type: ignore[arg-type]


def test_every_type_has_an_engine_that_reads_it(embedded: Settings, mistral: Settings) -> None:
    types = set(media_types.EXTENSIONS)

    assert {kind for kind in types if registry.is_read(kind, embedded)} == set(READERS)
    assert {kind for kind in types if registry.is_read(kind, mistral)} == types


@pytest.mark.parametrize(
    ("media_type", "lane"),
    [
        (media_types.PDF, registry.MISTRAL),
        (media_types.DOC, registry.MISTRAL),
        (media_types.HEIC, registry.MISTRAL),
        (media_types.AVIF, registry.MISTRAL),
        (media_types.EML, registry.EMBEDDED),
        (media_types.IPYNB, registry.EMBEDDED),
        (media_types.XLS, registry.EMBEDDED),
    ],
)
def test_with_mistral_some_types_stay_here(
    embedded: Settings, mistral: Settings, media_type: str, lane: str
) -> None:
    assert registry.lane_of(media_type, mistral) == lane
    assert registry.lane_of(media_type, embedded) == registry.EMBEDDED


def test_what_stays_here_can_be_read_here() -> None:
    assert set(registry.READ_HERE) <= set(READERS)
    assert not set(registry.READ_HERE) & set(registry.READ_BY_MISTRAL_ALONE)
