"""`ilios doctor`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from ilios.cli.output import plain

if TYPE_CHECKING:
    from ilios.operations.doctor.finding import Finding

EXIT_ERRORS_FOUND: Final = 1
COLOURS: Final = {"ok": "green", "warning": "yellow", "error": "red", "skipped": "bright_black"}
STATUS_WIDTH: Final = 9
CHECK_WIDTH: Final = 20
INDENT: Final = " " * (STATUS_WIDTH + CHECK_WIDTH)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check settings, data folder, database, disk, providers and port.

    Names a remedy for whatever is wrong. Writes nothing, and may run beside the service.

    Exit code: 0 when nothing is wrong, warnings included; 1 when there is an error; 2 when the
    command line makes no sense.
    """
    from ilios.operations.doctor import checks

    findings = []
    for finding in checks.run():
        findings.append(finding)
        if not as_json:
            _print(finding)
    counts = Counter(str(finding.status) for finding in findings)
    if as_json:
        listed = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"status": _worst(counts), "findings": listed}, indent=2))
    else:
        click.echo(
            f"\n{_counted(counts['error'], 'error')}, {_counted(counts['warning'], 'warning')}."
        )
    context.exit(EXIT_ERRORS_FOUND if counts["error"] else 0)


def _print(finding: Finding) -> None:
    status = click.style(f"{finding.status:<{STATUS_WIDTH}}", fg=COLOURS[finding.status])
    click.echo(f"{status}{finding.check:<{CHECK_WIDTH}}{plain(finding.detail)}")
    if finding.remedy:
        click.echo(f"{INDENT}→ {plain(finding.remedy)}")


def _worst(counts: Counter[str]) -> str:
    return next((status for status in ("error", "warning") if counts[status]), "ok")


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' if number != 1 else ''}"
