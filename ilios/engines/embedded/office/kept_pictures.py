"""The pictures of an Office file, each part read once however often it is shown."""

from __future__ import annotations

from ilios.engines.embedded.archive import Archive
from ilios.engines.embedded.image_files import ImageFolder, unkept_kind


class KeptPictures:
    """Keeps pictures by their parts."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        self._known: dict[str, tuple[str | None, str | None]] = {}

    def keep(
        self, stem: str, part: str, *, is_inside: bool = True
    ) -> tuple[str | None, str | None]:
        """Return the name under which a picture is kept, or the kind of one that is not.

        `stem` is the name to give without its extension; a picture that is not inside of the file
        is none to keep.
        """
        if part not in self._known:
            content = self._archive.read_or_empty(part) if is_inside else b""
            name = self._images.add(stem, content) if content else None
            self._known[part] = name, None if name else unkept_kind(part, content)
        return self._known[part]
