"""Outlines: which are given to the layout's parser, and what one parse costs with one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pypdfium2
import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.pdf import outline
from tests.support.sample_files import pdf, text
from tests.unit.engines.embedded.conftest import Convert

FIRST: Final = 9
MOST_MEGABYTES: Final = 300
_CHILD: Final = """
import resource, sys
from pathlib import Path
from ilios.engines.base import Options, Source
from ilios.engines.embedded.conversion import convert_file
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
source = Source(Path(sys.argv[1]), "application/pdf", "book.pdf")
counts, page = convert_file(source, Options(), Path(sys.argv[2]), threads=1)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(page.markdown, int(peak.split()[1]) // 1024, sep="|")
"""


def _book(titles: list[bytes], key: bytes = b"Next") -> bytes:
    """Return a PDF whose outline has entries one behind (`Next`) or in (`First`) the other."""
    following = (b"/%s %d 0 R" % (key, FIRST + place) for place in range(1, len(titles)))
    entries = [
        b"<</Title%s/Parent 8 0 R/Dest[6 0 R/Fit]%s>>" % (title, next_one)
        for title, next_one in zip(titles, [*following, b""], strict=True)
    ]
    root = b"<</Type/Outlines/First %d 0 R>>" % FIRST
    return pdf(text("A keeper's year"), catalog=b"/Outlines 8 0 R", more=[root, *entries])


@pytest.mark.parametrize(
    ("limit", "most", "key"),
    [("MAX_ENTRIES", 3, b"Next"), ("MAX_DEPTH", 3, b"First"), ("TITLES_MAX_BYTES", 48, b"Next")],
)
def test_an_outline_beyond_a_limit_has_no_part_in_the_parse(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, key: bytes
) -> None:
    monkeypatch.setattr(outline, limit, most)
    within, beyond = _book([b"(Spring)"] * 3, key), _book([b"(Spring)"] * 4, key)

    assert outline.is_harmless(pypdfium2.PdfDocument(within))
    assert not outline.is_harmless(pypdfium2.PdfDocument(beyond))
    for content in (within, beyond):
        assert convert(content, media_types.PDF).markdown.endswith("A keeper's year")


def test_what_one_parse_costs_is_bounded(tmp_path: Path) -> None:
    document = tmp_path / "book.pdf"
    document.write_bytes(_book([b"(Chapter)"] * (outline.MAX_ENTRIES - 1)))

    child = subprocess.run(
        [sys.executable, "-c", _CHILD, document, tmp_path], capture_output=True, text=True
    )

    assert not child.returncode, child.stderr
    markdown, megabytes = child.stdout.split("|")
    assert markdown.endswith("A keeper's year")
    assert int(megabytes) < MOST_MEGABYTES
