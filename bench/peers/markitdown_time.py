"""Seconds that markitdown takes for a file: `python -m bench.peers.markitdown_time FILE …`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from markitdown import MarkItDown

TIMES = 20


def main() -> None:
    converter = MarkItDown()
    seconds = {}
    for name in sys.argv[1:]:
        converter.convert(Path(name))  # imports what it needs
        started = time.process_time()
        for _ in range(TIMES):
            converter.convert(Path(name))
        seconds[Path(name).suffix] = (time.process_time() - started) / TIMES
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
