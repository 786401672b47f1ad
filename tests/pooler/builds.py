"""Builds of later versions: copies of this checkout with what a release would change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ilios
from ilios.core.settings import Settings
from ilios.db.models import REVISION
from ilios.db.models.cluster import COMPATIBILITY, LEAST_COMPATIBLE
from tests.support.forking import REPOSITORY
from tests.support.migrating import environment

COPIED: Final = ("ilios", "alembic", "workers.py")
LONGEST_S: Final = 180.0  #: of a command; one that serves must have refused by then
TRUSTED: Final = ("AWS_CA_BUNDLE",)
IGNORED: Final = shutil.ignore_patterns("__pycache__")
COLUMN: Final = "    colour_{revision}: Mapped[str | None] = mapped_column(Text)\n"
TABLE: Final = '    __tablename__ = "documents"\n'
SCRIPT: Final = '''"""What a migration may do while nodes of the version before work."""

import sqlalchemy as sa

from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("documents", sa.Column("colour_{revision}", sa.Text()))
    op.add_column("job_queue", sa.Column("shade_{revision}", sa.Integer(), server_default="0"))
    op.create_table("colours_{revision}", sa.Column("name", sa.Text(), primary_key=True))
    op.create_index("ix_colour_{revision}", "documents", ["colour_{revision}"])


def downgrade():
    op.drop_table("colours_{revision}")
'''


@dataclass(frozen=True)
class Build:
    """A version of Ilios in a folder, from which its commands run."""

    folder: Path
    version: str
    revision: str
    compatibility: int
    least_compatible: int

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Return what is `ilios` of this build, in any folder."""
        return (sys.executable, "-P", "-m", "ilios", *arguments)

    def run(self, settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command; all that it says is its `stdout`."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=environment(settings, **self.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )

    @property
    def variables(self) -> dict[str, str]:
        """What its commands need of the environment, beside the settings."""
        trusted = {name: os.environ[name] for name in TRUSTED if name in os.environ}
        return {"PYTHONPATH": str(self.folder), **trusted}


THIS: Final = Build(REPOSITORY, ilios.__version__, REVISION, COMPATIBILITY, LEAST_COMPATIBLE)


def following(before: Build, folder: Path, version: str) -> Build:
    """Make the build of the release after one: its nodes work with those of that one, no older.

    Its schema has a column in two tables, a table and an index more.
    """
    build = Build(
        folder,
        version,
        str(int(before.revision) + 1).zfill(len(before.revision)),
        before.compatibility + 1,
        before.compatibility,
    )
    folder.mkdir()
    for name in COPIED:
        source = before.folder / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=IGNORED)
        else:
            shutil.copy(source, folder / name)
    for name, old, new in _changes(before, build):
        path = folder / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} has no {old!r}, or more than one"
        path.write_text(text.replace(old, new))
    script = SCRIPT.format(revision=build.revision, before=before.revision)
    (folder / "alembic" / "versions" / f"next_{build.revision}.py").write_text(script)
    return build


def _changes(before: Build, build: Build) -> list[tuple[str, str, str]]:
    """Return what stands in which file, and what is to stand there."""
    numbers = "COMPATIBILITY: Final = {0}\n", "LEAST_COMPATIBLE: Final = {0} "
    named = "ilios/db/models/cluster.py"
    column = COLUMN.format(revision=build.revision)
    return [
        ("ilios/__init__.py", f'"{before.version}"', f'"{build.version}"'),
        ("ilios/db/models/instance.py", f'"{before.revision}"', f'"{build.revision}"'),
        (named, numbers[0].format(before.compatibility), numbers[0].format(build.compatibility)),
        (
            named,
            numbers[1].format(before.least_compatible),
            numbers[1].format(build.least_compatible),
        ),
        ("ilios/db/models/documents.py", TABLE, TABLE + column),
    ]
