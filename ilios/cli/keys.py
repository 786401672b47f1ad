"""`ilios keys`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from ilios.accounts.key_admin import Issued, KeyAdmin, KeyReport
    from ilios.db.models import ApiKey

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
SPAN: Final = re.compile(r"([0-9]{1,5})([mhd])")
UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
REQUESTS_MAX: Final = 100_000
PAGES_MAX: Final = 1_000_000_000
SCOPES: Final = ("convert", "read", "admin")
COLUMNS: Final = "{:<20} {:<13} {:<8} {:<18} {:>15} {:>25}  {}"


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


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
expires_option = click.option(
    "--expires", type=Moment(), help="When it ends: 90d, or 2027-01-31 (UTC, that day included)."
)


@click.group("keys")
def command() -> None:
    """Create, list, rotate and revoke API keys.

    A running service knows of it at once. From the first key on, all calls need one; keys of
    API_KEY go on working beside them.
    """


@command.command("create")
@click.argument("name", type=Name())
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True,
              help="May be repeated. Without it: convert and read.")  # fmt: skip
@expires_option
@click.option("--requests-per-minute", type=click.IntRange(1, REQUESTS_MAX))
@click.option("--pages-per-day", type=click.IntRange(1, PAGES_MAX), help="A UTC day.")
@click.option("--budget", type=Dollars(), help="Dollars in a UTC month, as in 25.00.")
@as_json_option
def create(
    name: str,
    scopes: tuple[str, ...],
    expires: datetime | None,
    requests_per_minute: int | None,
    pages_per_day: int | None,
    budget: int | None,
    as_json: bool,
) -> None:
    """Make a key called NAME, and show its secret, once."""
    from ilios.accounts.keys import FULL_USE, Scope, Terms

    terms = Terms(
        name=name,
        scopes=frozenset(map(Scope, scopes)) or FULL_USE,
        expires_at=expires,
        requests_per_minute=requests_per_minute,
        pages_per_day=pages_per_day,
        budget_micros_month=budget,
    )
    with _service() as service:
        _show_secret(service.create(terms), as_json)


@command.command("list")
@click.option("--all", "show_all", is_flag=True, help="Those that were revoked, too.")
@as_json_option
def list_keys(show_all: bool, as_json: bool) -> None:
    """Show the keys, and what each has used today and this month (UTC)."""
    with _service() as service:
        reports = service.reports(revoked=show_all)
    if as_json:
        click.echo(json.dumps([_report(report) for report in reports], indent=2))
        return
    heads = ("NAME", "SECRET", "STATE", "SCOPES", "PAGES TODAY", "SPENT THIS MONTH", "LAST USED")
    click.echo(COLUMNS.format(*heads))
    for report in reports:
        click.echo(_line(report))


@command.command("rotate")
@click.argument("key")
@click.option(
    "--grace", type=Span(), default=timedelta(0), help="How long the old secret works on: 24h."
)
@expires_option
@as_json_option
def rotate(key: str, grace: timedelta, expires: datetime | None, as_json: bool) -> None:
    """Give KEY (its name or id) a new secret, and show that, once.

    What the key owns stays its own.
    """
    with _service() as service:
        _show_secret(service.rotate(key, grace=grace, expires_at=expires), as_json)


@command.command("revoke")
@click.argument("key")
@as_json_option
def revoke(key: str, as_json: bool) -> None:
    """End KEY (its name or id) for good, at once."""
    with _service() as service:
        ended = service.revoke(key)
    click.echo(json.dumps(_key(ended), indent=2) if as_json else f"{ended.name} is revoked.")


@contextmanager
def _service() -> Iterator[KeyAdmin]:
    from ilios.accounts.key_admin import KeyAdmin
    from ilios.core import settings
    from ilios.db import schema_version
    from ilios.db.database import Database

    loaded = settings.load()
    schema_version.require_current(loaded)
    database = Database(loaded.database_path, loaded.sqlite_synchronous)
    try:
        yield KeyAdmin(database)
    finally:
        database.close()


def _show_secret(issued: Issued, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**_key(issued.key), "secret": issued.secret}, indent=2))
        return
    click.echo(f"Key {issued.key.name} ({', '.join(issued.key.scopes)}). This is shown once:",
               err=True)  # fmt: skip
    click.echo(issued.secret)


def _key(key: ApiKey) -> dict[str, Any]:
    from ilios.core import clock

    moments = ("created_at", "expires_at", "rotated_at", "previous_until", "revoked_at",
               "last_used_at")  # fmt: skip
    plain = ("id", "name", "prefix", "scopes", "requests_per_minute", "pages_per_day",
             "budget_micros_month")  # fmt: skip
    times = {name: getattr(key, name) for name in moments}
    shown = {name: clock.iso(moment) if moment else None for name, moment in times.items()}
    return {_camel(name): value for name, value in {**_fields(key, plain), **shown}.items()}


def _fields(key: ApiKey, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(key, name) for name in names}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _report(report: KeyReport) -> dict[str, Any]:
    return {
        **_key(report.key),
        "state": report.state,
        "today": {"pages": report.today.pages, "costMicros": report.today.cost_micros},
        "month": {"pages": report.month.pages, "costMicros": report.month.cost_micros},
        "reserved": {"pages": report.reserved.pages, "costMicros": report.reserved.cost_micros},
    }


def _line(report: KeyReport) -> str:
    from ilios.core.prices import dollars

    key = report.key
    budget = key.budget_micros_month
    return COLUMNS.format(
        key.name,
        f"{key.prefix}…",
        report.state,
        ",".join(key.scopes),
        f"{report.today.pages}" + (f" of {key.pages_per_day}" if key.pages_per_day else ""),
        dollars(report.month.cost_micros)
        + (f" of {dollars(budget)}" if budget is not None else ""),
        f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
    )
