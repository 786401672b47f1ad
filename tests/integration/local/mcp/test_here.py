"""Conversions of a session: one that is called off is stopped."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from ilios.local.mcp.documents import Order
from ilios.local.mcp.here import Here
from tests.support.coroutines import finished
from tests.support.forking import REPOSITORY
from tests.support.sample_files import pdf, scan, text
from tests.support.waiting import has_ended

INVOICE = REPOSITORY / "samples" / "invoice.pdf"
LINES = [f"Line {number} of a page that takes long to recognise" for number in range(40)]


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Provide a document whose recognition would take minutes."""
    path = tmp_path / "long.tif"
    page = scan(LINES)
    page.save(path, save_all=True, append_images=[page] * 50)
    return path


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def test_a_call_that_is_called_off_stops_its_conversion(long: Path) -> None:
    others = children()

    async def run() -> tuple[set[psutil.Process], str, str]:
        async with aclosing(Here()) as here:
            begun = asyncio.Event()

            async def report(done: int, _total: int | None) -> None:
                if done:
                    begun.set()

            call = asyncio.create_task(here.convert(Order("a.tif", long, wait_seconds=600), report))
            await begun.wait()
            parsers = children() - others
            call.cancel()
            await asyncio.wait([call])
            assert call.cancelled()
            found = await here.convert(Order(None, INVOICE, wait_seconds=600), report)
            return parsers, found.status, found.file_name

    parsers, status, name = finished(run())

    assert (status, name) == ("completed", "invoice.pdf")
    assert parsers
    assert all(has_ended(parser) for parser in parsers)


def test_several_are_converted_at_once_and_each_has_its_own_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        (tmp_path / f"{number}.pdf").write_bytes(pdf(text(f"Document {number}")))

    async def ignore(_done: int, _total: int | None) -> None: ...

    async def run() -> list[str]:
        async with aclosing(Here()) as here:
            orders = [Order(None, tmp_path / f"{n}.pdf", wait_seconds=600) for n in range(6)]
            found = await asyncio.gather(*(here.convert(order, ignore) for order in orders))
            return [one.pages[0].markdown for one in found]

    assert finished(run()) == [f"Document {number}" for number in range(6)]
    assert "parser.started" in capsys.readouterr().out  # how it logs is the command's choice
