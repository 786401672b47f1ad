"""`ilios queue`."""

from __future__ import annotations

import click

from ilios.cli.service import operating


@click.group("queue")
def command() -> None:
    """Stop and start the work on what is waiting."""


@command.command("pause")
def pause() -> None:
    """Let no job start any more, also after a restart; those that run go on.

    Documents are still taken in, and wait. /health shows `queue: "paused"`.
    """
    with operating() as operator:
        operator.pause()
    click.echo("The queue is paused. `ilios queue resume` goes on with it.")


@command.command("resume")
def resume() -> None:
    """Let jobs start again."""
    with operating() as operator:
        operator.resume()
    click.echo("The queue goes on.")
