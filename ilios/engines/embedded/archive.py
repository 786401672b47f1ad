"""Office files and e-books as ZIP archives, checked against limits before anything is unpacked."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO, Final, TypeVar
from urllib.parse import unquote

from lxml import etree

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines import document_errors, unicode
from ilios.engines.embedded import limits

_Page = TypeVar("_Page")
OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_READ_ERRORS = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError)


class Archive:
    """A ZIP archive, checked against the limits; `kind` names the document in errors.

    A part is also found under a name that differs from the archive's in case, in the form of
    accents, in backslashes or in `%20`: other readers find it, and so do those who wrote it.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self._kind = kind
        with path.open("rb") as file:
            if file.read(8) == OLE_MAGIC:  # an encrypted Office file is not a ZIP any more
                raise document_errors.encrypted(kind)
        try:
            self._zip = zipfile.ZipFile(path)
        except _READ_ERRORS as error:
            raise document_errors.corrupt(kind) from error
        self._infos = {_slashed(info.filename): info for info in self._zip.infolist()}
        self.damaged: set[str] = set()  #: parts of which only what could be read has come
        self._refuse_bombs()
        whole = sum(info.file_size for info in self._infos.values())
        self._left_bytes = limits.ARCHIVE_READINGS_MAX * whole + limits.ARCHIVE_REREAD_BYTES

    def close(self) -> None:
        self._zip.close()

    def names(self) -> list[str]:
        return list(self._infos)

    def __contains__(self, name: str) -> bool:
        return self._info(name) is not None

    def read(self, name: str) -> bytes:
        """Return a whole part. Raises CorruptDocument if it is missing or damaged."""
        info = self._info(name)
        if info is None:
            raise document_errors.corrupt(self._kind)
        try:
            with self._zip.open(info) as part:
                content = part.read(limits.ARCHIVE_PART_MAX_BYTES + 1)
        except (*_READ_ERRORS, RuntimeError, zlib.error) as error:
            raise document_errors.corrupt(self._kind) from error
        if len(content) > limits.ARCHIVE_PART_MAX_BYTES:
            raise self._too_large()
        self._count(len(content))
        return content

    def stream(self, name: str) -> IO[bytes]:
        """Open a part to read it piece by piece. Raises CorruptDocument if it is missing."""
        info = self._info(name)
        if info is None:
            raise document_errors.corrupt(self._kind)
        if info.file_size > limits.ARCHIVE_PART_MAX_BYTES:  # no more than this is unpacked
            raise self._too_large()
        self._count(info.file_size)
        try:
            return self._zip.open(info)
        except (*_READ_ERRORS, RuntimeError) as error:
            raise document_errors.corrupt(self._kind) from error

    def read_or_empty(self, name: str) -> bytes:
        """Return a part that is not essential, such as a picture; empty if it is damaged."""
        try:
            return self.read(name)
        except CorruptDocument:
            return b""

    def xml(self, name: str) -> etree._Element:
        """Return the root of an XML part. Raises CorruptDocument if it is not well-formed."""
        try:
            return etree.fromstring(self.read(name), xml_parser())
        except (etree.XMLSyntaxError, ValueError) as error:
            raise document_errors.corrupt(self._kind) from error

    def optional_xml(self, name: str) -> etree._Element | None:
        """Return the root of a part that the document can do without; None if it is absent.

        Of a damaged part comes what stands before the damage and can be read behind it.
        """
        if name not in self:
            return None
        try:
            return self.xml(name)
        except CorruptDocument:
            self.damaged.add(name)
            return _repaired(self.read_or_empty(name))

    def _count(self, size_bytes: int) -> None:
        """Raise DocumentTooLarge if parts are read again and again."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise document_errors.too_large(
                f"The {self._kind} refers to its parts again and again",
                f"{limits.ARCHIVE_READINGS_MAX} times their size and "
                f"{limits.ARCHIVE_REREAD_BYTES // 1024**2} MB",
            )

    def _info(self, name: str) -> zipfile.ZipInfo | None:
        return self._infos.get(name) or self._alike.get(_folded(name))

    @cached_property
    def _alike(self) -> dict[str, zipfile.ZipInfo]:
        return {_folded(name): info for name, info in reversed(self._infos.items())}

    def _refuse_bombs(self) -> None:
        if len(self._infos) > limits.ARCHIVE_MAX_ENTRIES:
            raise document_errors.too_large(
                f"The {self._kind} holds {len(self._infos)} parts",
                f"{limits.ARCHIVE_MAX_ENTRIES} parts",
            )
        if sum(info.file_size for info in self._infos.values()) > limits.ARCHIVE_MAX_BYTES:
            raise self._too_large()
        if any(info.flag_bits & 0x1 for info in self._infos.values()):
            raise document_errors.encrypted(self._kind)

    def _too_large(self) -> Exception:
        return document_errors.too_large(
            f"The {self._kind} is too large when unpacked",
            f"{limits.ARCHIVE_MAX_BYTES // 1024**2} MB",
        )


def _slashed(name: str) -> str:
    return name.replace("\\", "/").lstrip("/")


def _folded(name: str) -> str:
    return unicode.normalized("NFC", unquote(_slashed(name))).casefold()


@lru_cache(maxsize=2)
def xml_parser(*, recover: bool = False) -> etree.XMLParser:
    """Return a parser that loads nothing else and expands no entities; it may repair.

    It is made once: for small parts, to make one takes longer than to read.
    """
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover
    )


def _repaired(content: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(content, xml_parser(recover=True))
    except (etree.XMLSyntaxError, ValueError):
        return None


def relationships(archive: Archive, part: str) -> dict[str, tuple[str, bool]]:
    """Return target, and whether it is external, by relationship id of an Office file's part."""
    folder = posixpath.dirname(part)
    found: dict[str, tuple[str, bool]] = {}
    for relation in _relations(archive, part):
        target, external = relation.get("Target", ""), relation.get("TargetMode") == "External"
        found[relation.get("Id", "")] = (
            target if external else resolved(folder, target),
            external,
        )
    return found


def related(archive: Archive, part: str) -> dict[str, str]:
    """Return the parts that a part leads to, by kind, such as `comments`: the first of each.

    The kind is the end of a relationship's type; before it the two forms of Open XML differ.
    """
    found: dict[str, str] = {}
    for kind, name in all_related(archive, part):
        found.setdefault(kind, name)
    return found


def all_related(archive: Archive, part: str) -> Iterator[tuple[str, str]]:
    """Iterate over kind and name of the parts that a part leads to."""
    for relation in _relations(archive, part):
        name = resolved(posixpath.dirname(part), relation.get("Target", ""))
        if name in archive:
            yield relation.get("Type", "").rpartition("/")[2], name


def _relations(archive: Archive, part: str) -> list[etree._Element]:
    folder, name = posixpath.split(part)
    root = archive.optional_xml(f"{folder}/_rels/{name}.rels".lstrip("/"))
    return list(children(root, "Relationship")) if root is not None else []


def without_repetitions(pages: Iterable[_Page], part_of: Callable[[_Page], str]) -> list[_Page]:
    """Return the pages of a file without those whose part another one before has shown.

    A page without a part, which is missing, stays.
    """
    seen: set[str] = set()
    kept: list[_Page] = []
    for page in pages:
        part = part_of(page)
        if not part or part not in seen:
            kept.append(page)
        seen.add(part)
    return kept


def resolved(folder: str, target: str) -> str:
    """Return the name of the part that a reference from `folder` leads to."""
    path = unquote(target.split("#")[0])
    if path.startswith("/"):
        return posixpath.normpath(path.lstrip("/"))
    return posixpath.normpath(posixpath.join(folder, path))


def local_name(element: etree._Element) -> str:
    """Return a tag without its namespace; empty for comments and processing instructions."""
    tag = element.tag
    return _without_namespace(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=1024)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def children(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Iterate over child elements with one of these local names, in any namespace."""
    return element.iterchildren(*[f"{{*}}{name}" for name in names])


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """Return the first descendant along a path of local names; None if there is none."""
    for name in path:
        if element is None:
            return None
        for part in element:  # what is sought mostly comes first: faster than a matcher
            if local_name(part) == name:
                element = part
                break
        else:
            return None
    return element


def attribute(element: etree._Element | None, name: str) -> str | None:
    """Return an attribute by its local name, in any namespace; None if it is absent.

    One in the namespace of its element counts first, and is found much faster.
    """
    tag = element.tag if element is not None else None
    if element is None or not isinstance(tag, str):
        return None
    own = element.get(_of_namespace(tag, name))
    if own is not None:
        return own
    inside = f"}}{name}"
    for key in element.keys():  # noqa: SIM118  # much faster than its `attrib`
        if key == name or str(key).endswith(inside):
            return element.get(key)
    return None


@lru_cache(maxsize=4096)
def _of_namespace(tag: str, name: str) -> str:
    """Return the name of an attribute in the namespace of an element."""
    return f"{tag.rpartition('}')[0]}}}{name}" if tag.startswith("{") else name
