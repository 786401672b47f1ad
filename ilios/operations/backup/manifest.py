"""What a whole backup consists of: a folder, with a manifest and a list of its objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

from ilios.core.durable_files import replace
from ilios.operations.backup.errors import RestoreRefused

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
LIST: Final = "objects.jsonl"
OBJECTS: Final = "objects"
ANSWERS: Final = "answers"
DATABASES: Final = {"sqlite": "database.db", "postgresql": "database.dump"}
Kind = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that rows of the backup name. `sha256` is None where no row knows it."""

    key: str
    document_id: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The head of a backup."""

    version: str  #: of Ilios
    created_at: str
    instance: str
    kind: Kind
    revision: str
    database_sha256: str
    counts: dict[str, int]
    objects: int  #: in the list
    bucket: str | None  #: where the objects are, unless they were copied
    ended: list[str] = field(default_factory=list)
    """Documents that were deleted while the backup was made: its restore ends with that."""
    missing: list[str] = field(default_factory=list)  #: keys that the service itself lacked
    format: int = FORMAT

    @property
    def database(self) -> str:
        """The name of the database's file."""
        return DATABASES[self.kind]


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a backup."""
    replace(folder / MANIFEST, json.dumps(asdict(manifest), indent=2).encode(), mode=0o600)


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup. Raises RestoreRefused when there is none that is known."""
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != FORMAT:
            raise RestoreRefused(
                f"{path} was written by another version of Ilios ({found.get('version')}): use "
                "that one."
            )
        return Manifest(**found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RestoreRefused(
            f"{folder} is no whole backup ({type(error).__name__} in {MANIFEST}): name a folder "
            "that `ilios backup --whole` has written."
        ) from error


def write_list(folder: Path, objects: Iterable[StoredObject]) -> int:
    """Write the list of objects; return how many they are."""
    count = 0
    with (folder / LIST).open("w", encoding="utf-8") as file:
        for one in objects:
            file.write(json.dumps(asdict(one)) + "\n")
            count += 1
    return count


def read_list(folder: Path) -> Iterator[StoredObject]:
    """Yield the objects of the list."""
    with (folder / LIST).open(encoding="utf-8") as file:
        for line in file:
            yield StoredObject(**json.loads(line))


def object_path(folder: Path, key: str) -> Path:
    """Return where a copied object lies."""
    return folder / OBJECTS / key
