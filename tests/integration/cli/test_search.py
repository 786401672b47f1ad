"""`ilios search` as operators run it."""

from __future__ import annotations

from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.documents.upkeep import Upkeep
from ilios.operations.search_admin import SearchAdmin, in_words
from tests.support import search_indexes, structured
from tests.support.commands import Operator


def test_an_index_is_made_anew_by_the_workers(
    operator: Operator, settings: Settings, database: Database
) -> None:
    structured.add_result(database, [structured.plain_page(0, "heron")])
    assert operator.run("search", "status").stdout == "Every document is indexed.\n"

    asked = operator.run("search", "rebuild")

    assert asked.returncode == 0, asked.stderr
    admin = SearchAdmin(database)
    assert in_words(admin.progress()) == "is made anew"
    assert "to be made anew" in operator.run("search", "status").stdout
    upkeep = Upkeep(database, DiskReserve(settings), pause=lambda _seconds: None)
    upkeep.run(seconds=0)
    upkeep._rebuild()
    assert in_words(admin.progress()) == "indexing: 0 %"
    assert "listed: 0 documents so far" in operator.run("search", "status").stdout
    search_indexes.list_stored(database)
    assert in_words(admin.progress()) == "indexing: 0 %"
    assert "1 documents wait" in operator.run("search", "status").stdout
    assert upkeep.run()
    assert in_words(admin.progress()) == "ok"
