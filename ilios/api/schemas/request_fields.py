"""Fields of requests. Each says what is allowed, in the words that the refusal repeats."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask_smorest.fields import Upload
from marshmallow import ValidationError, fields, validate

from ilios.core import request_errors
from ilios.core.ids import is_id
from ilios.core.prices import DOLLARS_ALLOWED, micros_of
from ilios.engines.page_selection import ALLOWED, PageSelection

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}


class WholeNumber(fields.Integer):
    """A whole number in a range, as JSON number or in decimal digits."""

    def __init__(self, lowest: int, highest: int, **options: Any) -> None:
        self._allowed = f"a whole number from {lowest} to {highest}"
        in_range = validate.Range(lowest, highest, error=self._allowed)
        messages: dict[str, Any] = {"null": self._allowed}
        super().__init__(strict=True, validate=in_range, error_messages=messages, **options)

    def _validated(self, value: Any) -> int:
        is_text = isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value)
        if not is_text and type(value) is not int:
            raise ValidationError(self._allowed)
        return int(value)


class Truth(fields.Boolean):
    """`true` or `false`, nothing else."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        if not isinstance(value, str) or value not in _BOOLEANS:
            raise ValidationError("true or false")
        return _BOOLEANS[value]


class Dollars(fields.String):
    """An amount of dollars as a decimal, read into micro-dollars."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        try:
            return micros_of(value)
        except (TypeError, ValueError) as error:
            raise ValidationError(DOLLARS_ALLOWED) from error


class Pages(fields.String):
    """A selection of pages."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError(ALLOWED)
        return PageSelection.parse(value)


class Identifier(fields.String):
    """An id of ours; whether it is there, and whose, is told by what it is used for."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if not isinstance(value, str) or not is_id(value):
            raise ValidationError("an id: 20 to 30 lower-case letters and digits")
        return value


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

    def __init__(self, *, whole_day: bool = False, **options: Any) -> None:
        self._whole_day = whole_day
        super().__init__(**options)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        try:
            return self._moment(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValidationError(
                "an ISO 8601 date or moment, such as 2026-01-31 or 2026-01-31T08:00:00Z"
            ) from error

    def _moment(self, text: str) -> datetime:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            moment = datetime.fromisoformat(text.replace(" ", "+"))  # a `+` that was not encoded
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        begins = datetime.combine(day, time(), UTC)
        return begins + timedelta(days=1) if self._whole_day else begins


class Word(fields.String):
    """One of a few words; some more are known and refused as not available."""

    def __init__(self, words: tuple[str, ...], not_yet: tuple[str, ...] = (), **options: Any):
        self._words, self._not_yet = words, not_yet
        super().__init__(validate=validate.OneOf(words), **options)

    def _deserialize(self, value: Any, attr: str | None, *_args: Any, **_kwargs: Any) -> Any:
        if value in self._not_yet:
            raise request_errors.OptionUnavailable(
                f"{attr}={value} is not available yet. Choose {' or '.join(self._words)}."
            )
        if value not in self._words:
            raise ValidationError(" or ".join(self._words))
        return value


class Unavailable(fields.String):
    """A field of the contract that cannot be honoured yet: refused, so that it is never ignored."""

    def _deserialize(self, value: Any, attr: str | None, *_args: Any, **_kwargs: Any) -> Any:  # noqa: ARG002
        raise request_errors.OptionUnavailable(f"{attr} is not available yet. Leave it out.")
