"""Runs a migration command on the database that the settings name.

`alembic upgrade head` by hand and the upgrade at start are the same thing: start.sh calls it.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection

from alembic import context
from ilios.cluster import joining
from ilios.core import platform, settings
from ilios.core.errors import PlatformUnsupported, StartupError
from ilios.core.processes import keep_files_private
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db import models
from ilios.migration import upgrade
from ilios.replication import change_log, startup
from ilios.storage import self_test

log = logs.get("alembic.env")  # it is loaded under a name of Alembic's own


def portable(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Render our own types as the plain ones beneath them: a revision outlives the models."""
    if kind == "type" and isinstance(item, models.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def report(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:  # noqa: ARG001  # alembic's
    """Log each revision that was applied or taken back."""
    direction = "up" if step.is_upgrade else "down"
    log.info("database.migrated", revision=step.up_revision_id, direction=direction)


def run() -> None:
    if context.is_offline_mode():
        raise StartupError("Migrations need the database itself: leave --sql out.")
    if fault := platform.fault():
        raise PlatformUnsupported(fault)
    keep_files_private()
    loaded = settings.load()
    startup.prepare_volume(loaded)
    logs.configure(loaded, "migration")
    joining.require_no_cluster(loaded)
    known = {script.revision for script in context.script.walk_revisions()}
    with upgrade.exclusive(loaded, known) as connection:
        if connection is not None:
            migrate(connection, loaded)
    logs.configure(loaded, "start")
    self_test.examine(loaded)  # the store's faults too are named before anything serves


def migrate(connection: Connection, loaded: Settings) -> None:
    context.configure(
        connection=connection,
        target_metadata=models.Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,  # SQLite can; a migration that is killed leaves nothing
        render_item=portable,
        on_version_apply=report,
        include_name=change_log.belongs_to_models,
    )
    with context.begin_transaction():
        context.run_migrations()
    upgrade.follow_schema(connection, loaded)
    if loaded.database_url is None:
        change_log.follow_setting(connection, loaded)


try:
    run()
except StartupError as error:
    logs.refuse_start("migration", error.detail)
