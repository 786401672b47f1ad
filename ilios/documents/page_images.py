"""Images of pages as they were sent, drawn on demand in a parser child, and kept for a while."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from ilios.core import computing, data_folder
from ilios.core.conversion_errors import DeadlineExceeded, ObjectMissing, ParserCrashed
from ilios.core.disk_space import DiskReserve
from ilios.core.page_errors import NoPageImage, PageNotFound
from ilios.core.request_errors import DocumentNotFound, Gone, OriginalMissing
from ilios.core.settings import MIB, Settings
from ilios.db.database import Database
from ilios.documents import snapshots
from ilios.documents.parser_places import ParserPlaces
from ilios.documents.queries import Original
from ilios.engines import page_image
from ilios.engines.embedded import limits
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_pool import ParserPool
from ilios.storage.base import ObjectStore
from ilios.storage.page_image_cache import PageImageCache

DRAW_SECONDS: Final = 15.0  #: for one page
WIDTH_MIN_PIXELS: Final = 200
WIDTH_MAX_PIXELS: Final = 2_000
WIDTH_DEFAULT_PIXELS: Final = 1_000
_VERSION: Final = 1  #: of how pages are drawn; another one makes what clients have stale
_DRAWN_BYTES: Final = 3 * limits.PAGE_IMAGE_MAX_PIXELS  #: of a picture that nothing could compress


class PageImages:
    """Draws pages; parser children start with the first."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        disk_reserve: DiskReserve,
    ) -> None:
        self._scratch = data_folder.uploads(settings)
        self._database = database
        self._store = store
        self._cache = PageImageCache(settings)
        self._disk_reserve = disk_reserve
        self._memory_mib = settings.large_parser_memory_limit_bytes // MIB
        self._parsers = ParserPool(
            page_image.answer,
            settings.large_parser_memory_limit_bytes,
            settings.parser_memory_limit_bytes,
        )
        self._places = ParserPlaces("Other pages have been drawn")

    def image(self, original: Original, number: int, width: int) -> BinaryIO:
        """Return the PNG of a page, by its number, so many pixels wide; close it.

        Raises NoPageImage, PageNotFound, OriginalMissing, Busy, DiskFull, and ConversionError for
        a document that cannot be read.
        """
        require_kind(original)
        name = f"{number}-{width}.png"
        found = self._cache.open(original.document_id, name)
        if found is not None:
            return found
        with self._places.held(original.owner):
            # Another request may have had it drawn while this one waited.
            found = self._cache.open(original.document_id, name)
            return found or self._drawn(original, number, width, name)

    def close(self) -> None:
        """End the parser children."""
        self._parsers.close()

    def _drawn(self, original: Original, number: int, width: int, name: str) -> BinaryIO:
        try:
            size_bytes = self._store.stat(original.key).size_bytes
        except ObjectMissing as error:
            raise OriginalMissing("The original of this document is no longer stored.") from error
        with (
            self._disk_reserve.promised(size_bytes + _DRAWN_BYTES),
            TemporaryDirectory(dir=self._scratch) as folder,
        ):
            source, drawn = Path(folder) / "original", Path(folder) / name
            with computing.waiting():
                self._store.fetch(original.key, source)
                self._draw(original, source, number, width, drawn)
            with ExitStack() as opened:
                file = opened.enter_context(drawn.open("rb"))
                self._keep(original, name, drawn)
                opened.pop_all()
            return file

    def _draw(self, original: Original, source: Path, number: int, width: int, drawn: Path) -> None:
        task = page_image.task(source, original.media_type, number - 1, width, drawn)
        try:
            (answer,) = self._parsers.run(task, DRAW_SECONDS)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(
                f"The page could not be drawn within {DRAW_SECONDS:.0f} s. Its Markdown is not "
                "concerned."
            ) from error
        except ParserCrashed as error:
            raise ParserCrashed(
                "The process that drew the page ended: the document is damaged, or needs more "
                f"than the {self._memory_mib} MiB that it may take. Its Markdown is not concerned."
            ) from error
        pages = page_image.pages_without(answer)
        if pages is not None:
            raise PageNotFound(number, PageSelection(((1, pages),)), pages)

    def _keep(self, original: Original, name: str, drawn: Path) -> None:
        """Keep an image unless its document was deleted meanwhile, whichever came first."""
        self._cache.keep(original.document_id, name, drawn)
        try:
            with self._database.watching() as watch:
                snapshots.present_document(watch, original.document_id, original.owner)
        except (DocumentNotFound, Gone):
            self._cache.remove(original.document_id)


def require_kind(original: Original) -> None:
    """Raise NoPageImage for a document whose pages are not drawn."""
    if original.media_type not in page_image.DRAWN_FROM:
        raise NoPageImage(original.file_name, original.media_type)


def etag(original: Original, number: int, width: int) -> str:
    """Return the ETag of the image of a page: that of its original, which does not change."""
    stamp = f"{original.document_id} {original.sha256} {number} {width} {_VERSION}"
    return hashlib.sha256(stamp.encode()).hexdigest()[:32]
