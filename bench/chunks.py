"""Whether documents' chunks make them up: `python -m bench.chunks DOCUMENT…`.

The embedded engine converts each, and its text is cut by several sizes and overlaps. A line is
printed for each document. Ends with an error if a text is not the sum of its chunks' own parts, or
if a chunk that is no single row has more characters than it may.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench import converted
from ilios.core.conversion_errors import ConversionError
from ilios.documents.chunks import SIZE, SIZE_MAX, SIZE_MIN, Chunk, Section, chunks
from ilios.engines.markdown_parts import parts

CUTS: Final = ((SIZE_MIN, 0), (SIZE_MIN, 49), (300, 60), (SIZE, 0), (SIZE, 150), (SIZE_MAX, 0))
"""Sizes and overlaps."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("documents", type=Path, nargs="+")
    found: list[str] = []
    for path in parser.parse_args().documents:
        try:
            found += _cut(path)
        except ConversionError as error:
            print(f"{path.name}: {error}")
    for fault in found:
        print(fault, file=sys.stderr)
    return bool(found)


def _cut(path: Path) -> Iterator[str]:
    """Cut a document by each size; yield what is wrong with its chunks."""
    sections = list(_sections(path))
    text = "".join(section.part.text for section in sections)
    counts = []
    started = time.perf_counter()
    for size, overlap in CUTS:
        cut = list(chunks(sections, size, overlap))
        counts.append(f"{len(cut)} of {size}/{overlap}")
        yield from (f"{path.name}, {size}/{overlap}: {fault}" for fault in faults(text, cut, size))
    seconds = time.perf_counter() - started
    print(f"{path.name}: {len(text)} characters are {', '.join(counts)}; {seconds:.2f} s")


def faults(text: str, cut: Sequence[Chunk], size: int) -> Iterator[str]:
    """Yield what is wrong with the chunks of a text."""
    parts_of = (f"{c.space_before}{c.text[c.start : c.end]}{c.space_behind}" for c in cut)
    if "".join(parts_of) != text and text.strip():
        yield "the chunks do not make up the text"
    for chunk in cut:
        if f"{chunk.space_before}{chunk.space_behind}".strip():
            yield "more than white space is between chunks"
        own = chunk.text[chunk.start : chunk.end].strip("\n")
        if len(chunk.text) > size and own.count("\n") > 1 and "<t" not in own:
            yield f"a chunk of {len(chunk.text)} characters: {chunk.text[:60]!r}"


def _sections(path: Path) -> Iterator[Section]:
    for page in converted.pages(converted.source(path)):
        for part in parts([page.markdown]):
            yield Section(part, page.index + 1)


if __name__ == "__main__":
    sys.exit(main())
