"""`ilios completion`: what a shell runs to complete the command's words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script that lets SHELL complete commands, options and files.

    In ~/.bashrc: eval "$(ilios completion bash)". In ~/.zshrc the same with zsh. For fish:
    ilios completion fish > ~/.config/fish/completions/ilios.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} cannot complete.")
    click.echo(kind(ctx.find_root().command, {}, "ilios", "_ILIOS_COMPLETE").source())
