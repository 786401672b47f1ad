"""What is in the image, and what is not."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.image.building import IMAGE
from tests.image.containers import CommandFailed, podman, run_once
from tests.support.forking import REPOSITORY
from tests.unit.structure.tree import OF_EXTRAS

ADDED_LIMIT_MIB = 520  #: over the base; see docs/figures.md
LISTED = r"find / -xdev ( -path /proc -o -path /sys -o -path /dev ) -prune -o -print"
SERVICE = {
    "__pycache__",
    "alembic",
    "alembic.ini",
    "app.py",
    "bin",
    "ilios",
    "start.sh",
    "workers.py",
}
COMPILERS = {"as", "c++", "cc", "clang", "g++", "gcc", "gold", "ld", "make", "rustc", "strip"}
IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys, ilios
for module in pkgutil.walk_packages(ilios.__path__, "ilios."):
    if module.name not in sys.argv:
        importlib.import_module(module.name)
for name, module in list(sys.modules.items()):
    cached = module.__spec__ and module.__spec__.cached
    if cached and not pathlib.Path(cached).exists():
        print(name)
"""
"""Names what is not compiled: of ours but for its arguments, of packages and of Python itself."""


@pytest.fixture(scope="module")
def files() -> set[PurePosixPath]:
    return {PurePosixPath(line) for line in run_once(*LISTED.split()).splitlines()}


def below(files: set[PurePosixPath], folder: str) -> set[str]:
    return {path.name for path in files if str(path.parent) == folder}


def test_the_service_and_its_migrations_are_there_and_nothing_else_of_the_repository(
    files: set[PurePosixPath],
) -> None:
    migrations = {path.name for path in (REPOSITORY / "alembic" / "versions").glob("*.py")}

    assert below(files, "/app") == SERVICE
    assert below(files, "/app/alembic/versions") == {*migrations, "__pycache__"}


def test_there_is_no_compiler_and_no_installer(files: set[PurePosixPath]) -> None:
    programs = {path.name for path in files if path.parent.name in {"bin", "sbin"}}

    assert not programs & COMPILERS
    assert not [name for name in programs if name.startswith(("pip", "x86_64-linux-gnu-"))]
    for python in ("python", "/usr/local/bin/python3"):
        with pytest.raises(CommandFailed, match="No module named pip"):
            run_once(python, "-m", "pip")


@pytest.mark.parametrize(
    "folder",
    ["/root/.cache", "/data", "/tmp", "/var/cache/apt", "/var/lib/apt/lists"],  # noqa: S108
)
def test_nothing_is_cached(files: set[PurePosixPath], folder: str) -> None:
    assert not below(files, folder)


def test_every_module_of_the_service_can_be_imported_and_nothing_has_to_be_compiled() -> None:
    assert run_once("python", "-c", IMPORT_ALL, *OF_EXTRAS) == ""


def test_what_it_adds_to_its_base_is_bounded(base: str) -> None:
    ours, theirs = (
        int(podman("image", "inspect", "--format={{.Size}}", name)) for name in (IMAGE, base)
    )

    assert 0 < (ours - theirs) >> 20 < ADDED_LIMIT_MIB
