"""Settings of the data folder and the database."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from ilios.core.settings.fields import MIB, SubjectSettings, setting

DEFAULT_DB_PATH: Final = Path("/data/ilios.db")


class DataSettings(SubjectSettings):
    """Where data lives."""

    local_db_path: Path | None = setting(None, "SQLite database file", "/data/ilios.db")
    data_dir: Path | None = setting(
        None, "Folder for the database, temporary files and local objects: one file system", "/data"
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = setting(
        "FULL", "FULL survives a power cut; NORMAL is faster and may lose the last commits", "FULL"
    )
    min_free_disk_bytes: int = setting(
        256 * MIB, "Room kept free in DATA_DIR: below it nothing new is taken on", "268435456", ge=0
    )

    @property
    def data_folder(self) -> Path:
        """The data folder, absolute: DATA_DIR, else the folder of the database."""
        return (self.data_dir or (self.local_db_path or DEFAULT_DB_PATH).parent).absolute()

    @property
    def database_path(self) -> Path:
        """The database file, absolute."""
        if self.local_db_path is not None:
            return self.local_db_path.absolute()
        return self.data_folder / DEFAULT_DB_PATH.name
