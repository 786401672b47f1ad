"""`ilios usage`."""

from __future__ import annotations

import json
from typing import Any, Literal

import click

from ilios.cli import remote
from ilios.cli.output import say
from ilios.cli.remote import service


@click.command("usage")
@click.option("--from", "start_date", metavar="DATE", help="From this day or moment on, in UTC.")
@click.option("--to", "end_date", metavar="DATE", help="Until the end of this day, in UTC.")
@click.option("--by", "group", type=click.Choice(("operation", "model", "day")))
@click.option("--json", "as_json", is_flag=True, help="Print what the service answers.")
@remote.server
@remote.api_key
def command(
    start_date: str | None,
    end_date: str | None,
    group: Literal["operation", "model", "day"] | None,
    as_json: bool,
    server: str | None,
    api_key: str | None,
) -> None:
    """Show the pages and costs of a key, as a service counts them."""
    found: Any
    with service(server, api_key) as client:
        if group is None:
            found = client.usage(start_date=start_date, end_date=end_date)
        else:
            found = client.usage_by(group, start_date=start_date, end_date=end_date)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif group is None:
        say(_line(found["summary"]))
    else:
        for row in found["breakdown"]:
            say(f"{row[group]}: {_line(row)}")


def _line(sums: dict[str, Any]) -> str:
    return (
        f"{sums['totalDocuments']} documents, {sums['totalPages']} pages, "
        f"{sums['totalCostUSD']} USD"
    )
