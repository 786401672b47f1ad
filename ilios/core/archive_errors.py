"""What is wrong with an archive of documents, or with one in the place of a document."""

from __future__ import annotations

from typing import Final

from ilios.core.request_errors import RequestError, UnsupportedType

RULES: Final = {
    "damaged": "The archive is damaged, incomplete, or says what is not so",
    "device": "It is neither a file nor a folder",
    "duplicate": "The archive holds two of this name",
    "empty": "The archive holds no document",
    "encrypted": "It is encrypted; `password` opens documents, no archives",
    "entries": "The archive holds more entries than are looked at",
    "headers": "What the archive says of its entries is longer than is read",
    "link": "It is a link",
    "member_size": "It is larger than a document may be",
    "memory": "The archive needs more memory than a parser may take",
    "method": "It is packed in a way that is not read here",
    "name": "Its name cannot be read, is empty, or is longer than is kept",
    "nesting": "It is an archive itself, which is not opened",
    "overlap": "It shares its bytes with another entry",
    "path": "Its path is absolute, or leads out of the archive",
    "ratio": "The archive becomes larger than documents do when they are unpacked",
    "size": "The documents of the archive are larger than they may be together",
    "sparse": "It leaves out parts of itself",
    "tar": "The archive is compressed, and holds no TAR",
    "time": "The archive takes longer to unpack than it may",
    "too_many": "The archive holds more documents than a batch may",
}
"""Why an archive is refused, by the rule that is against it."""


class ArchiveGiven(UnsupportedType):
    """An archive of documents where one document is expected."""

    code = "archive_needs_batch"
    title = "Archive needs a batch"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"The file is a {kind} archive, and this is for one document. A service makes a batch "
            "of its documents: send it by `ilios batch submit`, or as a file to "
            "/api/documents/submit or /v1/batch/submit. Or unpack it."
        )


class ArchiveRefused(RequestError):
    """An archive of documents that is not unpacked; `rule` is one of RULES."""

    code = "archive_refused"

    def __init__(self, rule: str, name: str = "", limit: str = "") -> None:
        where = f"{name}: " if name else ""
        bound = f" ({limit})" if limit else ""
        super().__init__(
            f"{where}{RULES[rule]}{bound} [{rule}]. Nothing was stored: make the archive anew, or "
            "send its documents."
        )
        self.rule = rule
