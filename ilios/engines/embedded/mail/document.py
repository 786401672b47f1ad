"""Mails: the first page is what the mail says, each attachment is a page of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from ilios.engines import document_errors, document_info
from ilios.engines.base import ConversionWarning, DocumentInfo, Page, Source
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.mail import heads, mailboxes, mime
from ilios.engines.embedded.mail.bodies import Body
from ilios.engines.embedded.mail.letters import Letter
from ilios.engines.embedded.mail.sections import (
    Sections,
    attached_files,
    joined,
    lowered,
    numbered,
)
from ilios.engines.embedded.open_documents import OpenFile

SECTION_LEVEL: Final = 2


class MailReader:
    """Opens mails; what is attached to them is opened with `open_file`."""

    def __init__(self, open_file: OpenFile) -> None:
        self._open_file = open_file

    def open_document(self, source: Source, workspace: Path, threads: int) -> MailDocument:
        images = ImageFolder(workspace)
        with ExitStack() as opened:
            letter = opened.enter_context(mailboxes.opened(source))
            sections = Sections(self._open_file, workspace, threads, images)
            document = MailDocument(letter, images, sections)
            document.opened = opened.pop_all()
        return document


class MailDocument:
    """An opened mail; its attachments are read one at a time."""

    def __init__(self, letter: Letter, images: ImageFolder, sections: Sections) -> None:
        self.opened = ExitStack()  #: what is to be closed with it
        self._letter = letter
        self._images = images
        self._sections = sections
        body = Body(letter, images)
        self._warnings = body.warnings
        attached = attached_files(letter, body)
        self._attachments = sections.allowed(attached, self._warnings)
        fields = heads.fields(letter, attached, with_subject=False)
        title = heads.title(letter)
        self._first = joined([title, fields, lowered(body.markdown, 1 if title else 0)])
        self._first_images = images.take()
        if not self._first:
            raise document_errors.empty(mime.KIND)

    @property
    def page_count(self) -> int:
        return 1 + len(self._attachments)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            yield self._page(index) if index else self._first_page()

    def info(self) -> DocumentInfo:
        return document_info.told(
            title=self._letter.subject,
            author=self._letter.field("From"),
            created=self._letter.date,
        )

    def close(self) -> None:
        self.opened.close()

    def _first_page(self) -> Page:
        warnings = tuple(ConversionWarning(w.code, w.message, 1) for w in self._warnings)
        return Page(0, self._first, images=self._first_images, warnings=warnings)

    def _page(self, index: int) -> Page:
        section = self._sections.written(self._attachments[index - 1], SECTION_LEVEL)
        return Page(
            index,
            joined(section.parts),
            images=self._images.take(),
            warnings=tuple(numbered(section, index + 1)),
            confidence=section.confidence,
        )
