"""`ilios keys`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from ilios.cli.option_types import Dollars, KeyLimit, Moment, Name, SizeLimit, Span, WebhookUrl
from ilios.cli.output import say

if TYPE_CHECKING:
    from ilios.accounts.holdings import Standard
    from ilios.accounts.key_admin import Issued, KeyAdmin, KeyReport
    from ilios.accounts.keys import Limits
    from ilios.db.models import ApiKey

REQUESTS_MAX: Final = 100_000
PAGES_MAX: Final = 1_000_000_000
SCOPES: Final = ("convert", "read", "admin")
COLUMNS: Final = "{:<20} {:<13} {:<8} {:<18} {:>15} {:>25} {:>22} {:>14}  {}"
GB: Final = 10**9


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
expires_option = click.option(
    "--expires", type=Moment(), help="When it ends: 90d, or 2027-01-31 (UTC, that day included)."
)

storage_option = click.option(
    "--storage", type=SizeLimit(), help="Bytes that its documents may take: 50GB, none, default."
)
waiting_option = click.option(
    "--waiting", type=KeyLimit(), help="Documents of it that may wait: 10000, none, default."
)


@click.group("keys")
def command() -> None:
    """Create, list, limit, rotate and revoke API keys.

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
@storage_option
@waiting_option
@click.option("--webhook-url", type=WebhookUrl(),
              help="Where events of its documents go; makes a secret for them.")  # fmt: skip
@as_json_option
def create(
    name: str,
    scopes: tuple[str, ...],
    expires: datetime | None,
    requests_per_minute: int | None,
    pages_per_day: int | None,
    budget: int | None,
    storage: int | None,
    waiting: int | None,
    webhook_url: str | None,
    as_json: bool,
) -> None:
    """Make a key called NAME, and show its secret, once."""
    from ilios.accounts import webhook_secrets
    from ilios.accounts.keys import FULL_USE, Scope, Terms
    from ilios.core import settings

    terms = Terms(
        name=name,
        scopes=frozenset(map(Scope, scopes)) or FULL_USE,
        expires_at=expires,
        requests_per_minute=requests_per_minute,
        pages_per_day=pages_per_day,
        budget_micros_month=budget,
        storage_bytes=storage,
        waiting_documents=waiting,
        webhook_url=webhook_url,
    )
    with _service() as service:
        instance_key = webhook_secrets.instance_key(settings.load()) if webhook_url else None
        _show_secret(service.create(terms, instance_key), as_json)


@command.command("list")
@click.option("--all", "show_all", is_flag=True, help="Those that were revoked, too.")
@as_json_option
def list_keys(show_all: bool, as_json: bool) -> None:
    """Show the keys, what each has used today and this month (UTC), and what it holds."""
    with _service() as service:
        reports = service.reports(_standard(), revoked=show_all)
    if as_json:
        click.echo(json.dumps([_report(report) for report in reports], indent=2))
        return
    heads = ("NAME", "SECRET", "STATE", "SCOPES", "PAGES TODAY", "SPENT THIS MONTH", "STORED GB",
             "WAITING", "LAST USED")  # fmt: skip
    click.echo(COLUMNS.format(*heads))
    for report in reports:
        say(_line(report))


@command.command("set")
@click.argument("key")
@storage_option
@waiting_option
@as_json_option
@click.pass_context
def set_limits(
    context: click.Context, key: str, storage: int | None, waiting: int | None, as_json: bool
) -> None:
    """Change what KEY (its name or id) may hold; what is left out stays as it is."""
    options = {"storage": ("storage_bytes", storage), "waiting": ("waiting_documents", waiting)}
    given = dict(
        changed
        for option, changed in options.items()
        if context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
    )
    if not given:
        raise click.UsageError("Say what to change: --storage, --waiting.")

    def change(limits: Limits) -> Limits:
        return replace(limits, **given)

    with _service() as service:
        changed = service.limit(key, change)
    click.echo(json.dumps(_key(changed), indent=2) if as_json else f"{changed.name} is changed.")


@command.command("webhook")
@click.argument("key")
@click.option("--url", type=WebhookUrl(), help="Where events of its documents go, or none.")
@click.option("--secret", type=click.Choice(("new", "none")),
              help="To sign them with: one of its own, or that of WEBHOOK_SECRET.")  # fmt: skip
@as_json_option
@click.pass_context
def set_webhook(
    context: click.Context, key: str, url: str | None, secret: str | None, as_json: bool
) -> None:
    """Change where events of KEY (its name or id) go, and what signs them.

    A new secret is shown, once.
    """
    from ilios.accounts.key_webhooks import Change
    from ilios.core import settings

    sets_url = context.get_parameter_source("url") is click.core.ParameterSource.COMMANDLINE
    if not sets_url and secret is None:
        raise click.UsageError("Say what to change: --url, --secret.")
    wanted = Change(sets_url, url, secret is not None, secret == "new")  # noqa: S105  # a word
    with _service() as service:
        changed = service.change_webhook(key, wanted, settings.load())
    shown = {} if changed.secret is None else {"webhookSecret": changed.secret}
    if as_json:
        click.echo(json.dumps({**_key(changed.key), **shown}, indent=2))
    elif changed.secret is None:
        say(f"{changed.key.name} is changed.")
    else:
        say(f"Webhook secret of {changed.key.name}. This is shown once:", err=True)
        click.echo(changed.secret)


@command.command("recount")
@as_json_option
def recount(as_json: bool) -> None:
    """Count anew what each key holds, when `ilios doctor` says that it is noted wrongly."""
    with _service() as service:
        wrong = service.recount()
    if as_json:
        click.echo(json.dumps({"corrected": len(wrong)}))
    else:
        click.echo(f"{len(wrong)} corrected.")


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
    if as_json:
        click.echo(json.dumps(_key(ended), indent=2))
    else:
        say(f"{ended.name} is revoked.")


@contextmanager
def _service() -> Iterator[KeyAdmin]:
    from ilios.accounts.key_admin import KeyAdmin
    from ilios.cluster import joining
    from ilios.core import settings
    from ilios.db import schema_version
    from ilios.db.opening import open_database

    loaded = settings.load()
    schema_version.require_current(loaded)
    joining.have_keys(loaded)
    database = open_database(loaded)
    try:
        yield KeyAdmin(database)
    finally:
        database.close()


def _standard() -> Standard:
    from ilios.accounts.holdings import Standard
    from ilios.core import settings
    from ilios.core.disk_space import DiskReserve

    loaded = settings.load()
    return Standard.of(loaded, DiskReserve(loaded).free_bytes)


def _show_secret(issued: Issued, as_json: bool) -> None:
    shown = {"secret": issued.secret}
    if issued.webhook_secret is not None:
        shown["webhookSecret"] = issued.webhook_secret
    if as_json:
        click.echo(json.dumps({**_key(issued.key), **shown}, indent=2))
        return
    say(f"Key {issued.key.name} ({', '.join(issued.key.scopes)}). This is shown once:", err=True)
    click.echo(issued.secret)
    if issued.webhook_secret is not None:
        say("What signs its events, also shown once:", err=True)
        click.echo(issued.webhook_secret)


def _key(key: ApiKey) -> dict[str, Any]:
    from ilios.core import clock

    moments = ("created_at", "expires_at", "rotated_at", "previous_until", "revoked_at",
               "last_used_at")  # fmt: skip
    plain = ("id", "name", "prefix", "scopes", "requests_per_minute", "pages_per_day",
             "budget_micros_month", "webhook_url")  # fmt: skip
    limits = {name: _limit(getattr(key, name)) for name in ("storage_bytes", "waiting_documents")}
    times = {name: getattr(key, name) for name in moments}
    shown = {name: clock.iso(moment) if moment else None for name, moment in times.items()}
    has_secret = {"has_webhook_secret": key.webhook_secret_hash is not None}
    fields = {**_fields(key, plain), **has_secret, **limits, **shown}
    return {_camel(name): value for name, value in fields.items()}


def _fields(key: ApiKey, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(key, name) for name in names}


def _limit(limit: int | None) -> int | str | None:
    """Return a key's own limit as the options take it; None is that of the settings."""
    from ilios.db.models import UNLIMITED

    return "none" if limit == UNLIMITED else limit


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
        "holding": {
            "storageUsedBytes": report.holding.stored_bytes,
            "storageLimitBytes": report.holding.storage_limit,
            "waitingDocuments": report.holding.waiting_documents,
            "waitingLimit": report.holding.waiting_limit,
        },
    }


def _line(report: KeyReport) -> str:
    from ilios.core.prices import dollars

    key = report.key
    budget = key.budget_micros_month
    held = report.holding
    storage = held.storage_limit
    return COLUMNS.format(
        key.name,
        f"{key.prefix}…",
        report.state,
        ",".join(key.scopes),
        f"{report.today.pages}" + (f" of {key.pages_per_day}" if key.pages_per_day else ""),
        dollars(report.month.cost_micros)
        + (f" of {dollars(budget)}" if budget is not None else ""),
        f"{held.stored_bytes / GB:.3f}"
        + (f" of {storage / GB:.3f}" if storage is not None else ""),
        f"{held.waiting_documents}"
        + (f" of {held.waiting_limit}" if held.waiting_limit is not None else ""),
        f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
    )
