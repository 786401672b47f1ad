"""The scripts that migrate the database: where they lie, and their run.

In a checkout they are `alembic/` at its top, where the `alembic` command finds them too; a wheel
has them inside the package (setup.py).
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def folder() -> Path:
    """Return the folder of the scripts."""
    shipped = _PACKAGE / "migration" / "alembic"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "alembic"


def upgrade() -> None:
    """Do what `alembic upgrade head` does: prepare folders and settings, and migrate.

    Ends the process, with a line that says what is wrong, if it cannot.
    """
    from alembic.config import Config
    from alembic.util import CommandError, err

    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        err(str(error))
