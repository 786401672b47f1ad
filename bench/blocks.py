"""What the blocks of pages cost and take: `python -m bench.blocks DOCUMENT…`.

The embedded engine converts each document in this process, which encodes its blocks. Then they are
decoded, encoded and put into a table again, as their way from the parser child to the database has
it. A line for each document: processor time of both, and bytes of blocks beside those of the text.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Final

from bench import converted
from ilios.core.conversion_errors import ConversionError
from ilios.db.driver import sqlite
from ilios.engines import page_layout

ROUNDS: Final = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("documents", type=Path, nargs="+")
    text_bytes = block_bytes = 0
    for path in parser.parse_args().documents:
        begun = time.process_time()
        try:
            pages = list(converted.pages(converted.source(path)))
        except ConversionError as error:
            print(f"{path.name}: {error}")
            continue
        conversion = time.process_time() - begun
        layouts = [list(page.layout.texts) for page in pages if page.layout]
        text = sum(len(page.markdown.encode()) for page in pages)
        blocks = sum(len(piece.encode()) for layout in layouts for piece in layout)
        storing = statistics.median(_store(layouts) for _ in range(ROUNDS))
        print(
            f"{path.name}: {conversion * 1000:.0f} ms, blocks {storing * 1000:.2f} ms "
            f"({storing / conversion:.2%}); {text} bytes of text, {blocks} of blocks "
            f"({blocks / text:.2f})"
        )
        text_bytes += text
        block_bytes += blocks
    print(f"all: {text_bytes} bytes of text, {block_bytes} of blocks")


def _store(layouts: list[list[str]]) -> float:
    """Return the seconds of processor time that it takes to read blocks and to write them."""
    with closing(sqlite.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE pages (layout TEXT)")
        begun = time.process_time()
        for pieces in layouts:
            blocks = (page_layout.decode(piece, number) for number, piece in enumerate(pieces))
            encoded = page_layout.Layout.of(chain.from_iterable(blocks))
            connection.executemany("INSERT INTO pages VALUES (?)", [(t,) for t in encoded.texts])
        return time.process_time() - begun


if __name__ == "__main__":
    main()
