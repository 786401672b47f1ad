"""`ilios search`."""

from __future__ import annotations

import click

from ilios.cli.service import search_admin


@click.group("search")
def command() -> None:
    """Look after the index that finds documents by the words of their results."""


@command.command("status")
def status() -> None:
    """Show how far the index is."""
    with search_admin() as admin:
        progress = admin.progress()
    if progress.is_malformed:
        click.echo("The index is to be made anew, within seconds while the service runs.")
    elif progress.is_listing:
        click.echo(f"What is stored is being listed: {progress.left} documents so far.")
    elif progress.left:
        click.echo(f"{progress.left} documents wait to be indexed ({progress.percent} % are done).")
    else:
        click.echo("Every document is indexed.")


@command.command("rebuild")
def rebuild() -> None:
    """Make the index anew from the stored results.

    The workers do it bit by bit; documents whose turn has not come are found by name only.
    """
    with search_admin() as admin:
        admin.rebuild()
    click.echo("The workers make it anew. `ilios search status` shows how far they are.")
