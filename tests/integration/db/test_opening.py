"""The database that the settings name."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import select

from ilios.core.settings import Settings
from ilios.db.models import Instance
from ilios.db.opening import open_database
from ilios.db.sqlite_database import SqliteDatabase


def test_without_database_url_it_is_the_file_in_the_data_folder(settings: Settings) -> None:
    with closing(open_database(settings)) as database:
        with database.reading() as session:
            found = session.scalars(select(Instance.id)).all()

        assert isinstance(database, SqliteDatabase)
        assert database.path == settings.database_path
        assert len(found) == 1
