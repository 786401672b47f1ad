"""The images of a result: left out, put into the text, or behind links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ilios.api.dialects.docling.wanted import EMBEDDED, PLACEHOLDER
from ilios.api.responses.image_links import linked
from ilios.api.responses.streaming import data_url, opened_image
from ilios.documents.result_pages import ResultPage
from ilios.engines.image_references import addressed
from ilios.engines.json_pieces import Fields, Text
from ilios.engines.markdown_parts import parts
from ilios.engines.page_structure import POINTS_PER_INCH
from ilios.storage.base import ObjectStore

MARK: Final = "<!-- image -->"  #: what stands for an image that is left out


class Images:
    """Shows images in one of the modes; made within a request, whose services it needs later."""

    def __init__(self, mode: str, folder: str, store: ObjectStore) -> None:
        self._mode = mode
        self._folder = folder  #: of links
        self._store = store

    def markdown(self, page: ResultPage) -> Iterator[str]:
        """Yield the Markdown of a page with its images."""
        if self._mode == EMBEDDED:
            held = {image["name"]: image for image in page.images}
            yield from addressed(
                page.pieces(), page.image_names, lambda name: self._data_url(held[name])
            )
        elif self._mode == PLACEHOLDER and page.image_names:
            for part in parts(page.pieces()):
                if part.type == "image":
                    yield MARK + part.text[len(part.text.rstrip()) :]
                else:
                    yield from linked([part.text], page.image_names, self._folder)
        else:
            yield from linked(page.pieces(), page.image_names, self._folder)

    def reference(self, image: dict[str, Any], dpi: int | None) -> Fields | None:
        """Return what a DoclingDocument says of an image; None where images are left out."""
        if self._mode == PLACEHOLDER:
            return None
        left, top, right, bottom = image["bbox"] or (0, 0, 0, 0)
        uri = Text(self._data_url(image)) if self._mode == EMBEDDED else None
        return Fields(
            {
                "mimetype": image["mediaType"],
                "dpi": dpi or POINTS_PER_INCH,
                "size": {"width": right - left, "height": bottom - top},
                "uri": uri or self._folder + image["name"],
            }
        )

    def _data_url(self, image: dict[str, Any]) -> Iterable[str]:
        """Yield an image as a URL that holds it; a link to one that is not stored any more."""
        with opened_image(self._store, image["key"]) as file:
            if file is None:
                yield self._folder + image["name"]
            else:
                yield from data_url(image["mediaType"], file)
