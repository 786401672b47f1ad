"""`Idempotency-Key`: the same request, sent again, creates nothing new.

A view that creates says so. With the header, what a request says is noted once its body has
arrived: method, path, query, fields, and the hashes of its files. The services look up what the
same request has created; then the view answers with that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, TypeVar

from ilios.api.application import Request, current
from ilios.api.middleware.auth import current_owner
from ilios.api.requests import spooling
from ilios.api.schemas.request_fields import PASSWORD
from ilios.api.services import services
from ilios.core.request_errors import InvalidField, MalformedRequest
from ilios.documents import idempotency, password_sealing
from ilios.documents.arrivals import Arrival
from ilios.documents.idempotency import KEY_MAX_CHARACTERS, Repeatable
from ilios.documents.uploads import Received

HEADER: Final = "Idempotency-Key"
_VARIABLE: Final = "HTTP_IDEMPOTENCY_KEY"
_ENCODER: Final = json.JSONEncoder(sort_keys=True)

View = TypeVar("View", bound=Callable[..., Any])


def creates(view: View) -> View:
    """Mark a view that creates what it answers with, and let it take the header.

    Its answer is kept whatever becomes of the conversion. The view is wrapped before its body is
    read, and gives `repeatable()` to the service that creates.
    """
    return _creating(view, keeps_failures=lambda: True)


def creates_result(unless: Callable[[], bool] = lambda: False) -> Callable[[View], View]:
    """Do as `creates`, for a view whose answer is an error if the conversion fails.

    That is not kept, `unless` the view does not wait for it.
    """
    return lambda view: _creating(view, keeps_failures=unless)


def repeatable() -> Repeatable | None:
    """Return what makes the present request repeatable; None if it has no key."""
    asked = current()
    if asked.arrival is not None and asked.repeatable is None:
        raise TypeError(f"nothing has noted what {asked.path} was sent")
    return asked.repeatable


def form_has_arrived(form: Iterable[tuple[str, Any]]) -> None:
    """Note the fields and files of the present request, if it has a key."""
    asked = current()
    if asked.arrival is None:
        return
    fields: dict[str, list[Any]] = {}
    for name, value in form:
        fields.setdefault(name.removesuffix("[]"), []).append(_of_field(name, value))
    _note(asked, fields)


def file_has_arrived(file: Received) -> None:
    """Note the body of the present request, which is a file, if it has a key."""
    asked = current()
    if asked.arrival is not None:
        _note(asked, _of_file(file))


def json_has_arrived(value: Any, hash_of: Callable[[str], str | None] = lambda _: None) -> None:
    """Note the JSON of the present request, if it has a key.

    `hash_of` returns the hash of the file that a string stands for; None for any other string.
    """
    asked = current()
    if asked.arrival is None:
        return
    try:
        _note(asked, _with_hashes(value, hash_of))
    except RecursionError as error:
        raise MalformedRequest("The JSON of the body is nested too deeply.") from error


def _creating(view: View, *, keeps_failures: Callable[[], bool]) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        asked = current()
        key = asked.environ.get(_VARIABLE)
        if key is None:
            return view(*args, **kwargs)
        with _arriving(asked, key):
            asked.keeps_failures = keeps_failures()
            return view(*args, **kwargs)

    wrapper.creates = True  # type: ignore[attr-defined]  # carried through functools.wraps
    return wrapper  # type: ignore[return-value]  # it takes what the view takes


@contextmanager
def _arriving(asked: Request, key: str) -> Iterator[None]:
    """Let no other request with the key begin until the body has arrived, or is given up."""
    if not 1 <= len(key) <= KEY_MAX_CHARACTERS:
        allowed = f"1 to {KEY_MAX_CHARACTERS} characters"
        raise InvalidField(HEADER, f"{len(key)} characters", allowed, "invalid_idempotency_key")
    noted_as = idempotency.key_of(current_owner(), key)
    with spooling.storing():
        arrival = Arrival(services().uploads, noted_as, lambda: _is_accepted(noted_as))
    asked.arrival = arrival
    try:
        yield
    finally:
        arrival.end()


def _is_accepted(noted_as: str) -> bool:
    """Return whether a request with the key has created something already."""
    with services().database.watching() as watch:
        return idempotency.is_noted(watch, noted_as)


def _note(asked: Request, content: Any) -> None:
    if asked.arrival is None:
        raise TypeError("the request has no key")
    query = sorted(asked.args.items(multi=True))
    said = _ENCODER.encode([asked.method, asked.path, query, content])
    asked.repeatable = Repeatable(
        asked.arrival.key,
        current_owner(),
        hashlib.sha256(said.encode()).hexdigest(),
        asked.keeps_failures,
    )
    asked.arrival.end()


def _of_field(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return _of_password(value) if name == PASSWORD else value
    return _of_file(value)


def _of_password(text: str) -> list[str]:
    """Return what tells a password from others, and says nothing of it."""
    return ["", password_sealing.password(services().settings, text).digest(current_owner())]


def _of_file(file: Any) -> list[str]:
    """Return name and hash of a file; one that is refused has no hash."""
    return [file.file_name, file.sha256 if isinstance(file, Received) else ""]


def _with_hashes(value: Any, hash_of: Callable[[str], str | None]) -> Any:
    """Return a JSON value, with its files as their hashes."""
    if isinstance(value, str):
        found = hash_of(value)
        return value if found is None else ["", found]
    if isinstance(value, list):
        return [_with_hashes(one, hash_of) for one in value]
    if isinstance(value, dict):
        return {
            name: _of_password(one)
            if name == PASSWORD and isinstance(one, str)
            else _with_hashes(one, hash_of)
            for name, one in value.items()
        }
    return value
