"""The members of an archive of documents, read within bounds; in a parser child only.

Nothing is extracted by a library, or to a path that an archive names. What it says of sizes is
added up before anything is unpacked, and held to while it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ilios.engines.archive_rules import DAMAGE, Bounds, Member, RefusedMember
from ilios.engines.detection.archives import ArchiveKind, kind_of
from ilios.engines.tar_members import of_tar
from ilios.engines.zip_members import of_zip


def members(path: Path, bounds: Bounds) -> Iterator[Member]:
    """Yield the documents of an archive: what is neither a folder nor left by a system.

    Raises RefusedMember, at the latest when a member's blocks are read.
    """
    with path.open("rb") as file:
        kind = kind_of(file)
    if kind is None:
        raise RefusedMember("damaged")
    count = total_bytes = 0
    with _damage():
        found = of_zip(path, bounds) if kind is ArchiveKind.ZIP else of_tar(path, kind, bounds)
        with closing(found):
            for member in found:
                count += 1
                total_bytes += member.size_bytes
                if count > bounds.documents:
                    raise RefusedMember("too_many")
                if member.size_bytes > bounds.member_bytes:
                    raise RefusedMember("member_size", member.name)
                if total_bytes > bounds.total_bytes:
                    raise RefusedMember("size")
                yield member
    if not count:
        raise RefusedMember("empty")


@contextmanager
def _damage() -> Iterator[None]:
    """Report what a library raises as damage; it may say more, and none of it helps."""
    try:
        yield
    except (RefusedMember, MemoryError):
        raise
    except UnicodeDecodeError as error:
        raise RefusedMember("name", error.object.decode("utf-8", "replace")) from error
    except DAMAGE as error:
        raise RefusedMember("damaged") from error
