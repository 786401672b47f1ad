"""Fields of requests. The error message of each says what is allowed; the refusal repeats it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from flask_smorest.fields import Upload
from marshmallow import ValidationError, fields, validate

from ilios.core import request_errors
from ilios.core.ids import is_id
from ilios.core.prices import DOLLARS_ALLOWED, micros_of
from ilios.engines.page_selection import ALLOWED, PageSelection

PASSWORD: Final = "password"  # noqa: S105  #: the field of all requests that have one
PASSWORD_MAX_CHARACTERS: Final = 1024
PASSWORD_ALLOWED: Final = f"1 to {PASSWORD_MAX_CHARACTERS:,} characters other than NUL"
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff]")  # also in place of bytes that are no UTF-8
_DIGITS = re.compile(r"-?[0-9]{1,18}")


class WholeNumber(fields.Integer):
    """A whole number in a range, as JSON number or in decimal digits."""

    def __init__(self, lowest: int, highest: int, **options: Any) -> None:
        allowed = f"a whole number from {lowest} to {highest}"
        super().__init__(
            validate=validate.Range(lowest, highest, error=allowed),
            error_messages={"invalid": allowed, "null": allowed},
            **options,
        )

    def _validated(self, value: Any) -> int:
        # marshmallow takes whatever int() takes: 1.5, "1_000", digits of other scripts.
        is_text = isinstance(value, str) and _DIGITS.fullmatch(value)
        if not is_text and type(value) is not int:
            raise self.make_error("invalid")
        return super()._validated(value)


class ChunkCharacters(WholeNumber):
    """A number of characters of chunks; another one is refused with 422."""

    def deserialize(self, value: Any, attr: str | None = None, *args: Any, **options: Any) -> Any:
        try:
            return super().deserialize(value, attr, *args, **options)
        except ValidationError as error:
            allowed = str(error.messages[0])
            refusal = request_errors.InvalidChunkSize
            raise refusal(attr or "", value, allowed, refusal.code) from error


class StrictBoolean(fields.Boolean):
    """`true` or `false`, nothing else; also as Python writes them, and so clients in it."""

    truthy = {"true", "True"}  # noqa: RUF012  # as marshmallow declares it
    falsy = {"false", "False"}  # noqa: RUF012
    default_error_messages = {"invalid": "true or false"}  # noqa: RUF012


class Dollars(fields.String):
    """An amount of dollars as a decimal, read into micro-dollars."""

    default_error_messages = {"invalid": DOLLARS_ALLOWED}  # noqa: RUF012

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        try:
            return micros_of(super()._deserialize(value, *args, **options))
        except ValueError as error:
            raise self.make_error("invalid") from error


class Share(fields.String):
    """A share of pages: `false` is none, read as None, `true` is all, or a decimal between."""

    PATTERN: Final = r"^(true|false|1(\.0{1,6})?|0?\.0{0,5}[1-9][0-9]{0,5})$"
    default_error_messages = {  # noqa: RUF012
        "invalid": "true, false, or the share of pages that may fail: above 0 and up to 1, such as "
        "0.05"
    }

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        sent = super()._deserialize(value, *args, **options)
        if re.fullmatch(self.PATTERN, sent) is None:
            raise self.make_error("invalid")
        return {"true": 1.0, "false": None}.get(sent) if sent.isalpha() else float(sent)


class Pages(fields.String):
    """A selection of pages."""

    default_error_messages = {"invalid": ALLOWED}  # noqa: RUF012

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        return PageSelection.parse(super()._deserialize(value, *args, **options))


class Identifier(fields.String):
    """An id; whether there is something under it, and whose, is not checked here."""

    default_error_messages = {  # noqa: RUF012
        "invalid": "an id: 20 to 30 lower-case letters and digits"
    }

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> str:
        text = super()._deserialize(value, *args, **options)
        if not is_id(text):
            raise self.make_error("invalid")
        return text


class PasswordField(fields.String):
    """The password of a document; a refusal says what is wrong with it and does not repeat it."""

    default_error_messages = {  # noqa: RUF012
        "empty": "is empty",
        "invalid": "is no text",
        "long": f"has more than {PASSWORD_MAX_CHARACTERS:,} characters",
        "nul": "has a NUL in it",
        "null": "is null",
        "unreadable": "is no text in UTF-8",
    }

    def __init__(self) -> None:
        super().__init__(
            load_default=None,
            metadata={
                "description": "Opens a PDF, DOCX, PPTX or XLSX that is protected, in a batch each "
                "that is. Kept sealed, until the conversion has ended. A PDF that is protected "
                "against changes alone needs none.",
                "example": "correct horse battery staple",
                "format": "password",
                "minLength": 1,
                "maxLength": PASSWORD_MAX_CHARACTERS,
            },
        )

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        text = super()._deserialize(value, *args, **options)
        faults = {
            "empty": not text,
            "long": len(text) > PASSWORD_MAX_CHARACTERS,
            "nul": "\0" in text,
            "unreadable": _NO_CHARACTER.search(text),
        }
        for fault, is_found in faults.items():
            if is_found:
                raise self.make_error(fault)
        return text


class FileField(Upload):  # type: ignore[misc]  # flask-smorest is untyped
    """A file of a multipart form; plain text in its place is refused."""

    def _deserialize(self, value: Any, attr: str | None, *_args: Any, **_kwargs: Any) -> Any:
        if isinstance(value, str):
            raise request_errors.MissingFile(
                f"{attr or 'files'} is plain text. Send a file: a part with a file name."
            )
        return value


class Moment(fields.String):
    """A date or a moment in ISO 8601; without a zone it is UTC.

    A bare date means its beginning, or the beginning of the next day with `whole_day`.
    """

    default_error_messages = {  # noqa: RUF012
        "invalid": "an ISO 8601 date or moment, such as 2026-01-31 or 2026-01-31T08:00:00Z"
    }

    def __init__(self, *, whole_day: bool = False, **options: Any) -> None:
        self._whole_day = whole_day
        super().__init__(**options)

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        try:
            return self._moment(super()._deserialize(value, *args, **options))
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error

    def _moment(self, text: str) -> datetime:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            moment = datetime.fromisoformat(text.replace(" ", "+"))  # a `+` that was not encoded
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        begins = datetime.combine(day, time(), UTC)
        return begins + timedelta(days=1) if self._whole_day else begins


class Choice(fields.String):
    """One of a few words."""

    def __init__(self, words: tuple[str, ...], **options: Any):
        allowed = " or ".join(words)
        super().__init__(
            validate=validate.OneOf(words, error=allowed),
            error_messages={"invalid": allowed},
            **options,
        )
