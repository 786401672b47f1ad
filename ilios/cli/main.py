"""The `ilios` command: a group of all commands."""

from __future__ import annotations

from typing import Any

import click

import ilios
from ilios.cli import backup, doctor, jobs, keys, queue, retention, search
from ilios.cli.output import say
from ilios.core.errors import IliosError
from ilios.core.processes import keep_files_private

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
def main() -> None:
    """Look after an Ilios service on this machine.

    Settings come from the environment, as the service's own do.
    """
    keep_files_private()


main.add_command(doctor.command)
main.add_command(backup.command)
main.add_command(keys.command)
main.add_command(jobs.command)
main.add_command(queue.command)
main.add_command(retention.command)
main.add_command(search.command)
