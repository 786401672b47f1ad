"""Removes from an installed environment what the service never loads: `python scripts/slim.py`.

For the image's build stage: run by the interpreter of the environment. What is listed here was
measured to be worth a megabyte or more; the image tier converts with all engines and stores
afterwards, so what was taken away wrongly shows there.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

KEPT_SERVICES = {"s3"}
"""Of some four hundred that botocore describes. Those for looking up credentials are not used."""

UNUSED = (
    "mistralai/azure",
    "mistralai/gcp",
    "numpy/f2py",
    "onnxruntime/capi/libonnxruntime.so.*",  # for programs in C; the Python module has its own
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "sqlalchemy/testing",
    "**/tests/",
)
SOURCES = {".c", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyi", ".pyx"}
"""What compilers and editors read."""


def main() -> None:
    packages = Path(sysconfig.get_path("purelib"))
    before = size(packages)
    for path in unused(packages):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    strip(packages)
    print(f"{before >> 20} MiB of packages became {size(packages) >> 20} MiB")


def unused(packages: Path) -> Iterator[Path]:
    """Yield what is not used. Raises LookupError for an entry of the list that matches nothing."""
    for pattern in UNUSED:
        found = list(packages.glob(pattern))
        if not found:
            raise LookupError(f"{pattern} is not there any more: take it out of {__file__}")
        yield from found
    services = [path for path in (packages / "botocore" / "data").iterdir() if path.is_dir()]
    yield from (path for path in services if path.name not in KEPT_SERVICES)
    yield from (path for path in packages.rglob("*") if path.suffix in SOURCES)


def strip(packages: Path) -> None:
    """Take debugging symbols out of extension modules.

    The libraries below *.libs stay as they are: their sections have been rearranged, which strip
    does not always understand.
    """
    modules = [path for path in packages.rglob("*.so") if not path.parent.name.endswith(".libs")]
    subprocess.run(["strip", "--strip-unneeded", *modules], check=True)


def size(folder: Path) -> int:
    """Return the size of all files below a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
