"""What a key costs each request: `python -m bench.keys`.

Prints how long it takes to tell whose key a request carries, beside 1 key and beside 10,000, and to
check that key's quota, beside 1 settled call and beside 100,000: medians in milliseconds, and their
ratio.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert

from bench.service import migrate
from ilios.accounts import quotas
from ilios.accounts.authentication import Authenticator
from ilios.accounts.key_admin import Issued, KeyAdmin
from ilios.accounts.keys import Terms
from ilios.accounts.quotas import Amount
from ilios.core import clock, ids
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Call, CallState, DailyUsage
from ilios.db.sqlite_database import SqliteDatabase


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=1000)
    options = parser.parse_args()
    few = measure(1, 1, options.times)
    many = measure(options.keys, options.calls, options.times)
    print(f"{'':10} {'few ms':>8} {'many ms':>8} {'ratio':>6}")
    for what, before, after in zip(("identify", "quota"), few, many, strict=True):
        print(f"{what:10} {before:8.3f} {after:8.3f} {after / before:6.2f}")


def measure(keys: int, calls: int, times: int) -> tuple[float, float]:
    """Return median milliseconds to identify a key, and to check its quota."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        migrate(settings.data_folder)
        database = SqliteDatabase(settings.database_path)
        service = KeyAdmin(database)
        terms = [
            Terms(f"team-{number}", budget_micros_month=10**12, pages_per_day=10**9)
            for number in range(keys)
        ]
        issued = [service.create(one) for one in terms][-1]
        fill(database, issued, calls)
        authenticator = Authenticator((), database)
        identified = median_ms(lambda: authenticator.identify(f"Bearer {issued.secret}"), times)
        with database.writing() as session:
            owner, now, least = issued.key.owner, clock.now(), lambda: Amount(1, 1)
            checked = median_ms(lambda: quotas.admit(session, owner, least, now), times)
        database.close()
    return identified, checked


def fill(database: Database, issued: Issued, calls: int) -> None:
    """Add settled calls of this key, today."""
    now, owner = clock.now(), issued.key.owner
    call = {
        "document_id": ids.new_id(),
        "job_id": ids.new_id(),
        "owner": owner,
        "engine": "mistral",
        "operation": "convert",
        "model": "mistral-ocr-latest",
        "state": CallState.SETTLED,
        "pages": 1,
        "total_cost_micros": 1,
        "created_at": now,
        "settled_at": now,
    }
    day = {"owner": owner, "day": now.date(), "pages": calls, "cost_micros": calls}
    with database.writing() as session:
        session.execute(insert(Call), [{**call, "call_id": str(n)} for n in range(calls)])
        session.execute(insert(DailyUsage), [day])


def median_ms(action: Callable[[], object], times: int) -> float:
    def once() -> float:
        begun = time.perf_counter()
        action()
        return (time.perf_counter() - begun) * 1000

    return statistics.median(once() for _ in range(times))


if __name__ == "__main__":
    main()
