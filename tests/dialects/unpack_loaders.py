"""Take Open WebUI's loaders out of its wheel: `unpack_loaders.py FOLDER_OF_THE_WHEEL TARGET`.

The wheel itself is 100 MB, and wants a hundred packages that no loader needs. This uses the
standard library only.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

LOADERS = "open_webui/retrieval/loaders/"


def main() -> None:
    folder, target = map(Path, sys.argv[1:])
    (wheel,) = folder.glob("open_webui-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = [one for one in packed.namelist() if one.startswith(LOADERS)]
        packed.extractall(target, [one for one in names if one.endswith(".py")])


if __name__ == "__main__":
    main()
