"""What the values of options look like: names, spans, moments, money, sizes; shared options."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import click

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
SPAN: Final = re.compile(r"([0-9]{1,5})([mhd])")
UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
SIZE: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))? ?([kKMGT]i?)?B?")
SIZE_EXPONENTS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


url_allow = click.option(
    "--url-allow", metavar="LIST", envvar="URL_ALLOW", default="",
    help="Hosts, host:port or networks, by comma, from which a URL may be fetched here although "
    "they are not public. [env: URL_ALLOW]",
)  # fmt: skip


class Folder(click.Path):
    """A folder that may still have to be made; an empty name, of a variable not set, is none."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value == "":
            self.fail("'': it names no folder.", param, ctx)
        return super().convert(value, param, ctx)


class Name(click.ParamType[str]):
    name = "name"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if not NAME.fullmatch(value):
            self.fail(f"{value!r}: 1 to 80 letters, digits, '.', '_' and '-'.", param, ctx)
        return str(value)


class Span(click.ParamType[timedelta]):
    name = "span"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = SPAN.fullmatch(value)
        if match is None:
            self.fail(f"{value!r}: minutes, hours or days, as in 30m, 24h or 90d.", param, ctx)
        return timedelta(**{UNITS[match[2]]: int(match[1])})


class Moment(click.ParamType[datetime]):
    name = "moment"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        from ilios.core import clock

        if SPAN.fullmatch(value):
            return clock.now() + Span().convert(value, param, ctx)
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: a time to come, as in 90d or 2027-01-31.", param, ctx)
        moment = found if found.tzinfo else found.replace(tzinfo=UTC)
        if len(value) == len("2027-01-31"):
            moment = datetime.combine(found, time(), UTC) + timedelta(days=1)  # that day included
        if moment <= clock.now():
            self.fail(f"{value!r} is in the past.", param, ctx)
        return moment


class Dollars(click.ParamType[int]):
    name = "dollars"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        from ilios.core.prices import micros_of

        try:
            return micros_of(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}.", param, ctx)


class WebhookUrl(click.ParamType[str | None]):
    """An address that events may go to; `none` is none."""

    name = "url"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | None:
        from ilios.core import settings
        from ilios.core.url_errors import UrlNotAllowed
        from ilios.webhooks import receivers

        if value == "none":
            return None
        try:
            return receivers.checked_by(settings.load(), value)
        except UrlNotAllowed as error:
            self.fail(error.detail, param, ctx)


class KeyLimit(click.ParamType[int | None]):
    """A limit; `none` is none at all, and `default` that of the settings, which is None here."""

    name = "limit"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        from ilios.core.settings.web import KEY_LIMIT_MAX
        from ilios.db.models import UNLIMITED

        words = {"none": UNLIMITED, "default": None}
        if value in words:
            return words[value]
        found = self.number(value)
        if found is None or not 1 <= found <= KEY_LIMIT_MAX:
            self.fail(f"{value!r}: {self.wanted}, none or default.", param, ctx)
        return found

    wanted = "a number from 1"

    def number(self, value: str) -> int | None:
        return int(value) if re.fullmatch("[0-9]{1,19}", value) else None


class SizeLimit(KeyLimit):
    """A limit in bytes: 50GB is 50 times 10^9, 50GiB 50 times 2^30."""

    wanted = "bytes, or a size as in 50GB or 50GiB"

    def number(self, value: str) -> int | None:
        match = SIZE.fullmatch(value)
        if match is None:
            return None
        whole, decimals, unit = match[1], match[2] or "", (match[3] or "").lower()
        step = 1024 if unit.endswith("i") else 1000
        amount = int(whole + decimals) * step ** SIZE_EXPONENTS[unit.removesuffix("i")]
        return int(amount // 10 ** len(decimals))
