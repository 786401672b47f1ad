"""Object keys: where each kind of object lives, and which keys are well formed."""

from __future__ import annotations

import re
from typing import Final

KEY_MAX_BYTES: Final = 1024  #: S3's limit
SEGMENT_MAX_BYTES: Final = 255  #: the limit of a file name on Linux
DOCUMENTS: Final = "documents"
DOCUMENT_ROOTS: Final = (DOCUMENTS, "archive")
OWNERS: Final = "instances"  #: of clusters, each with an object that its nodes keep new
IMAGES: Final = "images"
PARTS: Final = "parts"
ORIGINALS_SUFFIX: Final = "-originals"  #: of the folder that all originals of an instance share
_IMAGE_NAME = re.compile(r"[A-Za-z0-9._-]+")


def source_key(instance_id: str, document_id: str) -> str:
    """Return the key of a document's original: `documents/<instance>-originals/<document>`.

    It has no folder of its own, which a local store would have to make, to sync and to remove.
    """
    return f"{_originals_of(instance_id)}/{document_id}"


def uploaded_key(instance_id: str, document_id: str, attempt_id: str) -> str:
    """Return the key of an original that was PUT to a link: `documents/…/source-<attempt>`."""
    return f"{DOCUMENTS}/{instance_id}/{document_id}/source-{attempt_id}"


def archive_key(instance_id: str, document_id: str) -> str:
    """Return the key of an archived original: `archive/<instance>/<document>/source`."""
    return f"archive/{instance_id}/{document_id}/source"


def folders_of_instance(instance_id: str) -> tuple[str, ...]:
    """Return the folders of all objects of an instance; a document's id comes next in their keys.

    A sweep deletes what it finds here under an id without a row. So do those of earlier versions,
    which do not know the originals' folder: whoever goes back to one keeps them.
    """
    roots = (*DOCUMENT_ROOTS, "incoming")
    return (_originals_of(instance_id), *(f"{root}/{instance_id}" for root in roots))


def folders_of(instance_id: str, document_id: str) -> tuple[str, ...]:
    """Return the folders of all of a document's objects but `source_key` and `incoming_key`."""
    return tuple(f"{root}/{instance_id}/{document_id}" for root in DOCUMENT_ROOTS)


def part_key(instance_id: str, document_id: str, first: int, last: int) -> str:
    """Return the key of a page range of a long document: `…/parts/<first>-<last>`."""
    return f"{DOCUMENTS}/{instance_id}/{document_id}/{PARTS}/{first}-{last}"


def image_key(instance_id: str, document_id: str, name: str) -> str:
    """Return the key of an extracted image: `documents/<instance>/<document>/images/<name>`.

    Raises ValueError for a name that could lead elsewhere.
    """
    if _IMAGE_NAME.fullmatch(name) is None or name in (".", ".."):
        raise ValueError(f"not the name of an extracted image: {name!r:.80}")
    return f"{DOCUMENTS}/{instance_id}/{document_id}/{IMAGES}/{name}"


def kind_of(key: str) -> str | None:
    """Return IMAGES or PARTS; None for an original, an upload or a key of the predecessor."""
    rest = key.split("/")[3:]
    return rest[0] if len(rest) > 1 else None


def is_for_workers(key: str) -> bool:
    """Return whether a worker is going to fetch the object: an original, or a part of one."""
    return key.startswith(f"{DOCUMENTS}/") and kind_of(key) != IMAGES


def is_written_once(key: str) -> bool:
    """Return whether no object of this key is ever replaced: an original's, whose id is new."""
    parent, _, _ = key.rpartition("/")
    return parent.endswith(ORIGINALS_SUFFIX) and parent.count("/") == 1


def incoming_key(instance_id: str, document_id: str) -> str:
    """Return the key of an uncompleted upload: `incoming/<instance>/<document>`."""
    return f"incoming/{instance_id}/{document_id}"


def owner_key(instance_id: str) -> str:
    """Return the key of what says which database works under an instance: `instances/<id>`."""
    return f"{OWNERS}/{instance_id}"


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


def _originals_of(instance_id: str) -> str:
    return f"{DOCUMENTS}/{instance_id}{ORIGINALS_SUFFIX}"
