"""The Mistral engine, opened as a worker does it, and documents for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from ilios.core.settings import Settings
from ilios.engines.base import Conversion, Options, Part, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral.engine import MistralEngine

INSTANCE_ID = "instance0of0these0tests0"

OpenEngine = Callable[..., MistralEngine]


def engine_for(url: str, **settings: object) -> MistralEngine:
    chosen = Settings.model_validate(
        {"mistral_api_key": "stand-in-key", "mistral_server_url": url, **settings}
    )
    return MistralEngine(chosen, INSTANCE_ID)


@pytest.fixture
def open_engine() -> Iterator[OpenEngine]:
    """Open an engine for the server at a URL; settings as keywords."""
    opened: list[MistralEngine] = []

    def open_engine(url: str, **settings: object) -> MistralEngine:
        opened.append(engine_for(url, **settings))
        return opened[-1]

    yield open_engine
    for engine in opened:
        engine.close()


@pytest.fixture
def make_part(tmp_path: Path) -> Callable[..., Part]:
    """Make a document that is the only part of its plan."""

    def make_part(
        content: bytes, media_type: str = media_types.PDF, indexes: tuple[int, ...] | None = None
    ) -> Part:
        path = tmp_path / "source"
        path.write_bytes(content)
        return Part(Source(path, media_type, "document"), indexes)

    return make_part


class Kept(list[bytes]):
    """The answers that an engine passed to `keep`."""


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def convert(tmp_path: Path, kept: Kept) -> Callable[..., Conversion]:
    def convert(engine: MistralEngine, part: Part, options: Options | None = None) -> Conversion:
        workspace = tmp_path / "workspace"
        workspace.mkdir(exist_ok=True)
        answer = engine.convert(
            part, options or Options(), workspace, lambda _done, _total: None, kept.append
        )
        return engine.read(answer, part, options or Options(), workspace, nullcontext)

    return convert
