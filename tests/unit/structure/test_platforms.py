"""What differs between platforms is behind one module for each of two things."""

from __future__ import annotations

from tests.unit.structure.tree import files, imported_by, module_name

DRIVERS = {"apsw", "cysqlite", "pysqlite3", "sqlcipher3", "sqlite3"}


def test_one_module_imports_the_driver_of_sqlite() -> None:
    importers = {
        module_name(path)
        for path in files()
        if DRIVERS & {name.partition(".")[0] for name in imported_by(path)}
    }

    assert importers == {"ilios.db.driver"}
