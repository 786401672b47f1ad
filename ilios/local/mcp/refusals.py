"""What is said of an error: a code for programs, a sentence, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from ilios.client.errors import IliosClientError, OutcomeUnknown, Unreachable
from ilios.core.errors import IliosError

_OF_KEYS: Final = "Set ILIOS_API_KEY to a key that may do this, and start `ilios mcp` again."
_OF_IDS: Final = "Take an id that `convert` or `search` has given."
_OF_PAGES: Final = "Ask for a page that there is; `status` says how many pages the document has."
_RETRY: Final = "Try again later."
REMEDIES: Final = {
    "archive_needs_batch": "Unpack it, and convert its documents one by one.",
    "busy": _RETRY,
    "document_cancelled": "Convert it again.",
    "document_not_found": _OF_IDS,
    "document_not_ready": "Ask `status` with a `wait` first.",
    "encrypted_document": "Have the user convert it by `ilios convert --password-stdin`, or send a "
    "copy without protection: a password does not belong into a conversation.",
    "file_not_readable": "Name a file that the user of `ilios mcp` may read, by its absolute path.",
    "insufficient_scope": _OF_KEYS,
    "internal_error": "Report it, with what `ilios mcp` has written to standard error.",
    "invalid_arguments": "Correct them: the input schema of the tool says what it takes.",
    "invalid_id": _OF_IDS,
    "key_expired": _OF_KEYS,
    "key_revoked": _OF_KEYS,
    "not_found": _OF_IDS,  # of a service: an id that is no part of a path
    "option_unavailable": "Leave it out, or use a service that has it.",
    "outcome_unknown": "Look for the document with `search` before it is converted again.",
    "page_not_found": _OF_PAGES,
    "path_not_read": "Send what is in the file as `content`, in base64.",
    "rate_limited": _RETRY,
    "unauthorized": _OF_KEYS,
    "unreachable": "Start the service, or name another with --server or ILIOS_SERVER.",
}
OTHERWISE: Final = "docs/errors.md of Ilios has a remedy for each code."
"""Most sentences on documents say themselves what to do."""
OF_A_FIELD: Final = "invalid_"  #: and its name: the code for what it cannot be
CORRECT: Final = "Correct it: the sentence says what is allowed."


class ToolRefused(IliosError):
    """A call of a tool that cannot succeed as it is; the tool is not the API's, nor is the code."""

    code = "tool_refused"


class PathNotRead(ToolRefused):
    """A path came by HTTP: it may be of another machine, and of somebody else's."""

    code = "path_not_read"

    def __init__(self) -> None:
        super().__init__("Over HTTP no file of this machine is read.")


class InvalidArguments(ToolRefused):
    """Arguments that a tool does not take."""

    code = "invalid_arguments"


class FileNotReadable(ToolRefused):
    """A file that is not there, or may not be read."""

    code = "file_not_readable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said of an error."""

    code: str
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}\n{self.remedy}"


def refusal(error: Exception) -> Refusal:
    """Return what is said of an error."""
    code, detail = _told(error)
    general = CORRECT if code.startswith(OF_A_FIELD) else OTHERWISE
    return Refusal(code, detail, REMEDIES.get(code, general))


def _told(error: Exception) -> tuple[str, str]:
    if isinstance(error, IliosError):
        return error.code, error.detail
    if isinstance(error, OutcomeUnknown):
        return "outcome_unknown", error.loss
    if isinstance(error, Unreachable):
        return "unreachable", error.detail
    if isinstance(error, IliosClientError):
        return getattr(error, "code", None) or "client_error", error.detail
    if isinstance(error, ValidationError):
        return InvalidArguments.code, _faults(error)
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename is not None else ""
        return FileNotReadable.code, f"{error.strerror or type(error).__name__}{where}."
    return IliosError.code, f"The server broke on it ({type(error).__name__})."


def _faults(error: ValidationError) -> str:
    """Return what is wrong with each argument, without its value."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = (f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in faults)
    return "; ".join(told) + "."
