"""LightRAG's client of docling-serve, and its builder, which reads what came back."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

os.environ["DOCLING_ENDPOINT"] = "http://127.0.0.1:9"  # read when the client is made; see below
os.environ["DOCLING_POLL_INTERVAL_SECONDS"] = "1"

from lightrag.parser.external.docling.client import DoclingRawClient
from lightrag.parser.external.docling.ir_builder import DoclingIRBuilder

from tests.dialects.drivers.errand import TIMEOUT_S, Driver, Errand


def read(errand: Errand) -> str:
    """Return the Markdown of the bundle; the builder has to find as many blocks as there are."""
    os.environ["DOCLING_ENDPOINT"] = errand.url
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder)
        asyncio.run(_download(bundle, errand.path))
        built = DoclingIRBuilder().normalize_from_workdir(bundle, document_name=errand.path.name)
        assert built.blocks, "LightRAG found no blocks"
        return (bundle / errand.path.with_suffix(".md").name).read_text()


async def _download(bundle: Path, path: Path) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        await DoclingRawClient().download_into(bundle, path)


DRIVERS: dict[str, Driver] = {"lightrag": read}
