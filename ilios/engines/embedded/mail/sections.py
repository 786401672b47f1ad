"""What is attached to a mail as sections of Markdown, each read as the document that it is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ilios.core.conversion_errors import ConversionError, EmptyDocument
from ilios.core.errors import IliosError
from ilios.core.request_errors import EmptyFile, RequestError
from ilios.engines import conversion_warnings, document_errors, image_references
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import library_errors, markdown, output_limits
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.mail import heads, limits, mailboxes
from ilios.engines.embedded.mail.bodies import Body
from ilios.engines.embedded.mail.letters import Attachment, Letter
from ilios.engines.embedded.open_documents import OpenFile
from ilios.engines.embedded.structure import PlacedPage

MAILS: Final = (media_types.EML, media_types.MSG)
LEVELS: Final = 6
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING: Final = re.compile(r"#{1,6}(?= )")
_PICTURE: Final = re.compile(rf"!\[((?:[^\[\]\\]|\\.)*+)\]\(({image_references.NAME})\)", re.DOTALL)


@dataclass(slots=True)
class Section:
    """What an attachment says, and the doubts about it."""

    parts: list[str] = field(default_factory=list)
    warnings: list[ConversionWarning] = field(default_factory=list)
    recognized: list[tuple[float, int]] = field(default_factory=list)
    """How sure the recognition was of texts, and how many characters they have."""

    @property
    def confidence(self) -> float | None:
        """How many of the recognised characters are probably right, from 0 to 1."""
        characters = sum(count for _, count in self.recognized)
        sure = sum(confidence * count for confidence, count in self.recognized)
        return sure / characters if characters else None


class Sections:
    """Writes attachments; one that cannot be read is named, with the reason, and ends nothing."""

    def __init__(
        self, open_file: OpenFile, workspace: Path, threads: int, images: ImageFolder
    ) -> None:
        self._open_file = open_file
        self._workspace = workspace
        self._threads = threads
        self._images = images
        self._left_bytes = output_limits.DOCUMENT_MAX_BYTES
        self._left_attachments = limits.ATTACHMENTS_MAX
        self._files = 0

    def written(self, attachment: Attachment, level: int, depth: int = 1) -> Section:
        """Write an attachment below a heading of this level; `depth` counts the mails around it."""
        section = Section([markdown.heading(level, markdown.escaped(heads.shown_name(attachment)))])
        try:
            with library_errors.as_corrupt("attached file"):
                self._write(attachment, section, level, depth)
        except (ConversionError, RequestError) as error:
            if isinstance(error, ConversionError) and error.engine_fault:
                raise
            _name_as_left_out(section, attachment, error)
        return section

    def _write(self, attachment: Attachment, section: Section, level: int, depth: int) -> None:
        if attachment.letter is not None:
            self._write_letter(attachment.letter(), section, level, depth)
            return
        content = attachment.read() if attachment.read is not None else b""
        _refuse_large(len(content))
        self._files += 1
        folder = self._workspace / f"attachment-{self._files}"
        folder.mkdir()
        try:
            path = folder / "attached"
            path.write_bytes(content)
            del content
            self._write_file(_source(path, attachment.name), section, level, depth)
        finally:
            shutil.rmtree(folder)

    def _write_file(self, source: Source, section: Section, level: int, depth: int) -> None:
        if source.media_type in MAILS:
            with mailboxes.opened(source) as letter:
                self._write_letter(letter, section, level, depth)
            return
        name, stem = source.file_name, f"attachment-{self._files}"
        folder = source.path.parent / "images"
        folder.mkdir()
        with closing(self._open_file(source, folder, self._threads)) as document:
            count = document.page_count
            for item in document.pages(range(count)):
                page = item.page if isinstance(item, PlacedPage) else item
                text = self._adopted(page, stem)
                self._take(output_limits.size_bytes(text))
                section.parts.append(lowered(text, level))
                if page.confidence is not None:
                    section.recognized.append((page.confidence, len(text)))
                section.warnings += [
                    conversion_warnings.of_attachment(
                        w, name, page.index + 1 if count > 1 else None
                    )
                    for w in page.warnings
                ]

    def _write_letter(self, letter: Letter, section: Section, level: int, depth: int) -> None:
        if depth >= limits.DEPTH_MAX:
            raise document_errors.too_large(
                "The mail is attached to mails that are attached to one another",
                f"{limits.DEPTH_MAX} of them",
            )
        body = Body(letter, self._images)
        attachments = attached_files(letter, body)
        self._take(output_limits.size_bytes(body.markdown))
        section.parts += (
            heads.fields(letter, attachments, with_subject=True),
            lowered(body.markdown, level),
        )
        section.warnings += body.warnings
        for attachment in self.allowed(attachments, section.warnings):
            inner = self.written(attachment, level + 1, depth + 1)
            section.parts += inner.parts
            section.warnings += inner.warnings
            section.recognized += inner.recognized

    def allowed(
        self, attachments: list[Attachment], warnings: list[ConversionWarning]
    ) -> list[Attachment]:
        """Return the first of these attachments, as many as the mail may have; name the others."""
        kept = attachments[: self._left_attachments]
        self._left_attachments -= len(kept)
        left_out = attachments[len(kept) :]
        if left_out:
            names = [heads.shown_name(each) for each in left_out[: conversion_warnings.NAMES_SHOWN]]
            warnings.append(conversion_warnings.attachments_left_out(len(left_out), names))
        return kept

    def _take(self, size_bytes: int) -> None:
        """Count what was written. Raises DocumentTooLarge beyond what a result may have."""
        if size_bytes > self._left_bytes:
            raise document_errors.too_large(
                "The attachments of the mail give too much Markdown",
                f"{output_limits.DOCUMENT_MAX_BYTES:,} bytes",
            )
        self._left_bytes -= size_bytes

    def _adopted(self, page: Page, stem: str) -> str:
        """Return the text of a page whose pictures are the mail's own from now on."""
        names: dict[str, str | None] = {}
        for image in page.images:
            names[image.name] = self._images.add(f"{stem}-{image.path.stem}", _taken(image.path))

        def renamed(match: re.Match[str]) -> str:
            if match[2] not in names:
                return match[0]
            name = names[match[2]]
            return f"![{match[1]}]({name})" if name else match[1]

        return _PICTURE.sub(renamed, page.markdown) if names else page.markdown


def attached_files(letter: Letter, body: Body) -> list[Attachment]:
    """Return the attachments that do not stand in the body."""
    shown = {id(attachment) for attachment in body.shown}
    return [a for a in letter.attachments if id(a) not in shown and not a.is_of_page]


def joined(parts: Iterable[str]) -> str:
    """Join texts of several blocks each."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def lowered(text: str, level: int) -> str:
    """Move the headings of a text below one of this level; lines of code stay as they are."""
    lines = text.split("\n")
    fence = ""
    for place, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and line.strip() == mark[1] and mark[1].startswith(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.match(line):
            marks = min(len(heading[0]) + level, LEVELS)
            lines[place] = f"{'#' * marks}{line[heading.end() :]}"
    return "\n".join(lines)


def _source(path: Path, name: str) -> Source:
    with path.open("rb") as file:
        return Source(path, media_types.sniff(file, name), name)


def _taken(path: Path) -> bytes:
    content = path.read_bytes()
    path.unlink()
    return content


def _refuse_large(size_bytes: int) -> None:
    if size_bytes > limits.ATTACHMENT_MAX_BYTES:
        raise document_errors.too_large(
            f"The file has {size_bytes // 1024**2} MB",
            f"{limits.ATTACHMENT_MAX_BYTES // 1024**2} MB",
        )


def _name_as_left_out(section: Section, attachment: Attachment, error: IliosError) -> None:
    name, reason = heads.shown_name(attachment), error.detail.partition(". ")[0].removesuffix(".")
    is_empty = isinstance(error, (EmptyDocument, EmptyFile))
    section.warnings.append(
        conversion_warnings.empty_attachment(name)
        if is_empty
        else conversion_warnings.attachment_left_out(name, reason)
    )


def numbered(section: Section, page: int) -> Iterator[ConversionWarning]:
    """Yield the warnings of a section, which is this page of the mail."""
    for warning in section.warnings:
        yield ConversionWarning(warning.code, warning.message, page)
