"""Limits of the embedded engine: beyond them a document is refused or an image left out."""

from __future__ import annotations

from typing import Final

ARCHIVE_MAX_ENTRIES: Final = 20_000
ARCHIVE_MAX_BYTES: Final = 512 * 1024 * 1024
"""Sum of the uncompressed sizes that a ZIP's central directory declares."""
ARCHIVE_PART_MAX_BYTES: Final = 256 * 1024 * 1024
ARCHIVE_READINGS_MAX: Final = 10
ARCHIVE_REREAD_BYTES: Final = 16 * 1024 * 1024
"""What may be unpacked over a conversion: ARCHIVE_READINGS_MAX times all parts, and this much more.

Parts can lead to each other again and again.
"""
TEXT_MAX_BYTES: Final = 64 * 1024 * 1024
"""Text, CSV, HTML and RTF are held in memory whole."""

RASTER_MAX_PIXELS: Final = 180_000_000
"""An A0 sheet scanned at 300 dpi has 140 million."""
RASTER_WHOLE_MAX_PIXELS: Final = 50_000_000
"""Of AVIF, and of JPEG 2000 halved as often as it can be: they take 15 bytes a pixel to decode."""
RASTER_WORK_PIXELS: Final = 16_000_000
"""Larger images are scaled down to this before recognition."""
RASTER_MAX_FRAMES: Final = 2_000
RENDER_DPI: Final = 200
PAGE_IMAGE_MAX_PIXELS: Final = 16_000_000
"""That of a page that is many times as high as wide is narrower than asked for."""

PDF_PAGES_AT_ONCE: Final = 12
"""Pages that are parsed together; bounds memory whatever the length of the document."""

IMAGES_MAX_COUNT: Final = 1_000
IMAGES_MAX_BYTES: Final = 512 * 1024 * 1024
IMAGE_MAX_PIXELS: Final = 50_000_000
IMAGE_MIN_SIDE_PIXELS: Final = 24
"""Smaller images are bullets, rules and spacers."""

SHEET_MAX_CELLS: Final = 2_000_000
TABLE_MAX_COLUMNS: Final = 2_000
LIST_MAX_DEPTH: Final = 16
"""Items that are deeper stand at this depth: each step is four spaces, before every line."""
WORKBOOK_MAX_TEXTS: Final = 4_000_000
"""Texts that the cells share."""

ADDRESS_MAX_CHARACTERS: Final = 2_000
"""Links to longer addresses, which browsers refuse too, are text: each run repeats its address."""
NAME_MAX_CHARACTERS: Final = 255
"""Of a name that a document gives once and that is written again and again, as an author's."""
