"""Run every check, in the order in which their findings are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ilios.core.settings import Settings
from ilios.operations.doctor import (
    bucket,
    database,
    disk,
    environment,
    folder,
    holdings,
    nodes,
    provider,
    search,
    service,
    turso,
    webhooks,
)
from ilios.operations.doctor.finding import Finding, error

Check = Callable[[Settings], Iterator[Finding]]

CHECKS: Final[dict[str, Check]] = {
    folder.CHECK: folder.examine,
    folder.KEY_CHECK: folder.examine_key,
    disk.CHECK: disk.examine,
    disk.SPACE_CHECK: disk.examine_space,
    database.LIBRARY_CHECK: database.examine_library,
    database.CHECK: database.examine,
    holdings.CHECK: holdings.examine,
    search.CHECK: search.examine,
    webhooks.CHECK: webhooks.examine,
    bucket.CHECK: bucket.examine,
    nodes.CHECK: nodes.examine,
    turso.CHECK: turso.examine,
    provider.CHECK: provider.examine,
    service.CHECK: service.examine,
}


def run() -> Iterator[Finding]:
    """Yield all findings, as they are made.

    A setting that is wrong is a finding, and has its default for the checks that follow.
    """
    settings, found = environment.examine()
    yield from found
    for name, check in CHECKS.items():
        yield from _attempted(name, check, settings)


def _attempted(name: str, check: Check, settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except Exception as fault:  # noqa: BLE001  # one check that breaks must not hide the others
        yield error(
            name,
            f"The check broke: {type(fault).__name__}: {fault}",
            "Report it, with this line.",
        )
