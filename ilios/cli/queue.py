"""`ilios queue`."""

from __future__ import annotations

import click

from ilios.cli.service import job_admin


@click.group("queue")
def command() -> None:
    """Stop and start the work on what is waiting."""


@command.command("pause")
def pause() -> None:
    """Let no job start any more, also after a restart; those that run go on.

    Documents are still taken in, and wait. /health shows `queue: "paused"`.
    """
    with job_admin() as admin:
        admin.pause()
    click.echo("The queue is paused. `ilios queue resume` goes on with it.")


@command.command("resume")
def resume() -> None:
    """Let jobs start again."""
    with job_admin() as admin:
        admin.resume()
    click.echo("The queue goes on.")
