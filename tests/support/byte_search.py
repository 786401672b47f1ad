"""A program: which files below a folder hold one of some bytes; both by JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Read `[folder, [bytes in hexadecimal, …]]`; write the names of files, once for each."""
    name, sought = json.load(sys.stdin)
    folder, found = Path(name), []
    # Other than rglob, walk passes over a folder that is removed meanwhile.
    files = (Path(inner, file) for inner, _, files in os.walk(folder) for file in files)
    for file in sorted(files):
        content = b""
        with contextlib.suppress(OSError):  # it was renamed meanwhile, or is no file
            content = file.read_bytes()
        if any(bytes.fromhex(one) in content for one in sought):
            found.append(str(file.relative_to(folder)))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
