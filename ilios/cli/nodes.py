"""`ilios nodes`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from ilios.cli.output import say
from ilios.cli.service import node_admin

if TYPE_CHECKING:
    from ilios.db.models.cluster import Node

COLUMNS: Final = ("name", "kind", "version", "state", "jobs", "seenAt", "id")


@click.group("nodes")
def command() -> None:
    """Look at the nodes of a cluster, and take one out of work for a while.

    NAME is what a node is called, or its id.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def list_nodes(*, as_json: bool) -> None:
    """List the nodes that were heard of within the last day."""
    with node_admin() as admin:
        shown = [_shown(node) for node in admin.nodes()]
    if as_json:
        click.echo(json.dumps({"nodes": shown}, indent=2))
        return
    rows = [dict(zip(COLUMNS, COLUMNS, strict=True)), *shown] if shown else []
    widths = {name: max(len(str(row[name])) for row in rows) for name in COLUMNS if rows}
    for row in rows:
        say("  ".join(f"{row[name]!s:<{widths[name]}}" for name in COLUMNS).rstrip())


@command.command("drain")
@click.argument("name")
def drain(name: str) -> None:
    """Let a node take no new work, also after a restart; what runs there goes on.

    Workers claim no job, and /readyz of a web node answers 503, so that balancers leave it.
    """
    with node_admin() as admin:
        found = admin.drain(name)
    click.echo(f"{_named(found)} takes no new work. `ilios nodes resume {name}` ends that.")


@command.command("resume")
@click.argument("name")
def resume(name: str) -> None:
    """Let a node take work again."""
    with node_admin() as admin:
        found = admin.resume(name)
    click.echo(f"{_named(found)} takes work again.")


def _named(found: list[Node]) -> str:
    return ", ".join(f"{node.name} ({node.kind})" for node in found)


def _shown(node: Node) -> dict[str, Any]:
    from ilios.cluster.nodes import SILENT
    from ilios.core import clock

    state = node.state or {}
    is_silent = clock.now() - node.seen_at > SILENT
    doing = "drained" if node.drain_since else state.get("claims_blocked") or "ok"
    return {
        "name": node.name,
        "kind": node.kind,
        "version": node.version,
        "state": "silent" if is_silent else doing,
        "jobs": state.get("jobs_running", 0),
        "seenAt": clock.iso(node.seen_at),
        "id": node.id,
    }
