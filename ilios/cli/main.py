"""The `ilios` command: a group of all commands."""

from __future__ import annotations

from typing import Any

import click

import ilios
from ilios.cli import (
    backup,
    batch,
    bulk,
    completion,
    convert,
    doctor,
    jobs,
    keys,
    mcp,
    migrate,
    nodes,
    queue,
    retention,
    search,
    serve,
    usage,
)
from ilios.cli.output import say
from ilios.core.errors import IliosError
from ilios.core.processes import keep_files_private

OF_CLIENTS = ("batch", "bulk", "completion", "convert", "mcp", "usage")
"""Commands that know no data folder: what they write is for whom its user says."""
EXIT_FAILED = 1  #: 2 is click's, for a command line that makes no sense


class Commands(click.Group):
    """Commands whose errors are one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except IliosError as error:
            say(f"ilios: {error.detail}", err=True)
            ctx.exit(EXIT_FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ilios.__version__, prog_name="ilios", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Convert documents, run an Ilios service, and look after it.

    `convert`, `bulk`, `mcp`, `batch` and `usage` are for everybody; the others are for the machine
    of a service, and take their settings from the environment, as it does.
    """
    if ctx.invoked_subcommand not in OF_CLIENTS:
        keep_files_private()


main.add_command(convert.command)
main.add_command(batch.command)
main.add_command(bulk.command)
main.add_command(usage.command)
main.add_command(mcp.command)
main.add_command(serve.serve)
main.add_command(serve.web)
main.add_command(serve.workers)
main.add_command(migrate.command)
main.add_command(completion.command)
main.add_command(doctor.command)
main.add_command(backup.command)
main.add_command(backup.restore)
main.add_command(keys.command)
main.add_command(jobs.command)
main.add_command(queue.command)
main.add_command(nodes.command)
main.add_command(retention.command)
main.add_command(search.command)
