"""Object keys: where each kind of object lives, and which keys are well formed."""

from __future__ import annotations

import re
from typing import Final

KEY_MAX_BYTES: Final = 1024  #: S3's limit
SEGMENT_MAX_BYTES: Final = 255  #: the limit of a file name on Linux
DOCUMENT_ROOTS: Final = ("documents", "archive")
ROOTS: Final = (*DOCUMENT_ROOTS, "incoming")
"""Of all keys that we make; the instance's id follows, then the document's."""
IMAGES: Final = "images"
PARTS: Final = "parts"
_IMAGE_NAME = re.compile(r"[A-Za-z0-9._-]+")


def source_key(instance_id: str, document_id: str) -> str:
    """Return the key of a document's original: `documents/<instance>/<document>/source`."""
    return f"documents/{instance_id}/{document_id}/source"


def archive_key(instance_id: str, document_id: str) -> str:
    """Return the key of an archived original: `archive/<instance>/<document>/source`."""
    return f"archive/{instance_id}/{document_id}/source"


def folders_of(instance_id: str, document_id: str) -> tuple[str, ...]:
    """Return the folders of all of a document's objects, except an upload not yet completed."""
    return tuple(f"{root}/{instance_id}/{document_id}" for root in DOCUMENT_ROOTS)


def part_key(instance_id: str, document_id: str, first: int, last: int) -> str:
    """Return the key of a page range of a long document: `…/parts/<first>-<last>`."""
    return f"documents/{instance_id}/{document_id}/{PARTS}/{first}-{last}"


def image_key(instance_id: str, document_id: str, name: str) -> str:
    """Return the key of an extracted image: `documents/<instance>/<document>/images/<name>`.

    Raises ValueError for a name that could lead elsewhere.
    """
    if _IMAGE_NAME.fullmatch(name) is None or name in (".", ".."):
        raise ValueError(f"not the name of an extracted image: {name!r:.80}")
    return f"documents/{instance_id}/{document_id}/{IMAGES}/{name}"


def kind_of(key: str) -> str | None:
    """Return IMAGES or PARTS; None for an original or an upload."""
    _root, _instance_id, _document_id, *rest = key.split("/")
    return rest[0] if len(rest) > 1 else None


def is_for_workers(key: str) -> bool:
    """Return whether a worker is going to fetch the object: an original, or a part of one."""
    root, *_ids = parts = key.split("/")
    return root == DOCUMENT_ROOTS[0] and len(parts) > 3 and parts[3] != IMAGES


def incoming_key(instance_id: str, document_id: str) -> str:
    """Return the key of an uncompleted upload: `incoming/<instance>/<document>`."""
    return f"incoming/{instance_id}/{document_id}"


def probe_key(probe_id: str) -> str:
    """Return the key of a test object: `probes/<id>`."""
    return f"probes/{probe_id}"


def segments(key: str) -> list[str]:
    """Return the parts of a key between its slashes.

    Raises ValueError for a key that is absolute, empty somewhere, too long, or climbs with `..`.
    """
    parts = key.split("/")
    if len(key.encode()) > KEY_MAX_BYTES or not all(_is_segment(part) for part in parts):
        raise ValueError(f"not an object key: {key!r:.80}")
    return parts


def _is_segment(part: str) -> bool:
    return (
        part not in ("", ".", "..") and "\0" not in part and len(part.encode()) <= SEGMENT_MAX_BYTES
    )
