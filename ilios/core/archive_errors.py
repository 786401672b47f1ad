"""What is wrong with a batch, with an archive of documents, or with one in place of a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ilios.core.request_errors import RequestError, UnsupportedType

_ANEW: Final = "Make the archive anew, or send its documents."
_WITHOUT: Final = "Make the archive without it."
_IN_PARTS: Final = "Send its documents in several archives, or by themselves."
RULES: Final = {
    "damaged": ("The archive is damaged, incomplete, or says what is not so", _ANEW),
    "device": ("It is neither a file nor a folder", _WITHOUT),
    "duplicate": ("The archive holds two of this name", _ANEW),
    "empty": ("The archive holds no document", "Check that the right file was sent."),
    "encrypted": (
        "It is encrypted; `password` opens documents, no archives",
        "Make the archive without a password, or send its documents.",
    ),
    "entries": ("The archive holds more entries than are looked at", _IN_PARTS),
    "headers": ("What the archive says of an entry is longer than is read", _ANEW),
    "link": ("It is a link", "Make the archive without it, or with the file itself."),
    "member_size": ("It is larger than a document may be", "Shrink it, or leave it out."),
    "memory": ("The archive needs more memory than a parser may take", _IN_PARTS),
    "method": ("It is packed in a way that is not read here", "Pack the ZIP by Deflate."),
    "name": ("Its name cannot be read, is empty, or is longer than is kept", _ANEW),
    "nesting": ("It is an archive itself, which is not opened", "Unpack it first."),
    "overlap": ("It shares its bytes with another entry", _ANEW),
    "path": ("Its path is absolute, or leads out of the archive", _ANEW),
    "ratio": ("The archive becomes larger than documents do when they are unpacked", _IN_PARTS),
    "size": ("The documents of the archive are larger than they may be together", _IN_PARTS),
    "sparse": ("It leaves out parts of itself", _ANEW),
    "tar": ("The file is compressed, and holds no TAR", "Unpack it, and send what is in it."),
    "time": ("The archive takes longer to unpack than it may", _IN_PARTS),
    "too_many": ("The archive holds more documents than a batch may", _IN_PARTS),
}
"""Why an archive is refused, by the rule that is against it, and what to do."""


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
    """An archive of documents that is not unpacked; `rule` is one of RULES, `limit` its bound."""

    code = "archive_refused"

    def __init__(self, rule: str, name: str = "", limit: str = "") -> None:
        fault, remedy = RULES[rule]
        where = f"{name}: " if name else ""
        bound = f" ({limit} at most)" if limit else ""
        super().__init__(f"{where}{fault}{bound} [{rule}]. {remedy}")
        self.rule = rule


class FileRefusal(NamedTuple):
    """A file of a batch that is to blame, and the archive that it came in."""

    name: str
    reason: RequestError
    archive: str | None = None

    def __str__(self) -> str:
        """Return what is wrong with it; some sentences begin with the name."""
        detail = self.reason.detail
        named = detail if detail.startswith(self.name) else f"{self.name}: {detail}"
        return f"{self.archive}: {named}" if self.archive else named


class BatchRefused(RequestError):
    """At least one file of a batch was refused, so nothing was stored."""

    code = "batch_refused"

    def __init__(self, reasons: Sequence[FileRefusal]) -> None:
        super().__init__(f"Nothing was stored. {' '.join(map(str, reasons))}")
        self.reasons = tuple(reasons)
