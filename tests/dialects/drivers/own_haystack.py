"""`ilios.client.haystack` with Haystack, in a pipeline that was saved and loaded."""

from __future__ import annotations

from haystack import Pipeline
from haystack.dataclasses import ByteStream
from haystack.utils import Secret

from ilios.client.haystack import IliosConverter
from tests.dialects.drivers.errand import Driver, Errand
from tests.dialects.drivers.passages import joined


def converted(errand: Errand) -> str:
    """Return the text of the pages, which is the same of a path and of a stream."""
    key = Secret.from_token(errand.key) if errand.key else None
    found = IliosConverter(errand.url, key).run(sources=[errand.path])["documents"]
    if not key:
        _require_same(errand, [one.content for one in found])
    return joined(errand, [(one.content, one.meta) for one in found])


def _require_same(errand: Errand, texts: list[str | None]) -> None:
    pipeline = Pipeline()
    pipeline.add_component("converter", IliosConverter(errand.url))
    loaded = Pipeline.loads(pipeline.dumps(), allowed_modules=[IliosConverter.__module__])
    stream = ByteStream.from_file_path(errand.path, meta={"file_name": errand.path.name})
    outcome = loaded.run({"converter": {"sources": [stream]}})
    assert [one.content for one in outcome["converter"]["documents"]] == texts


DRIVERS: dict[str, Driver] = {"ilios-haystack": converted}
