"""`ilios keys` as operators run it: processes, two of them at once too."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
import pytest
from sqlalchemy import update

from ilios.accounts import ledger
from ilios.accounts.authentication import Authenticator
from ilios.cli.option_types import SizeLimit
from ilios.core import clock
from ilios.core.prices import Charge
from ilios.db.database import Database
from ilios.db.models import UNLIMITED, OwnerTotals
from tests.support import documents
from tests.support.commands import Operator


def created(operator: Operator, name: str = "team", *options: str) -> dict[str, Any]:
    done = operator.run("keys", "create", name, *options, "--json")
    assert done.returncode == 0, done.stderr
    key: dict[str, Any] = json.loads(done.stdout)
    return key


def test_a_secret_is_shown_once_and_alone_on_standard_output(
    operator: Operator, database: Database
) -> None:
    done = operator.run("keys", "create", "team", "--scope", "read")

    secret = done.stdout.strip()
    assert Authenticator([], database).identify(secret).scopes == {"read"}
    assert "shown once" in done.stderr
    assert secret not in operator.run("keys", "list", "--json").stdout


def test_all_terms_are_kept_and_listed(operator: Operator) -> None:
    created(
        operator, "team", "--expires", "2999-01-31", "--requests-per-minute", "60",
        "--pages-per-day", "100", "--budget", "25.000001",
    )  # fmt: skip

    (key,) = json.loads(operator.run("keys", "list", "--json").stdout)

    assert key["expiresAt"] == "2999-02-01T00:00:00.000Z"
    assert (key["requestsPerMinute"], key["pagesPerDay"]) == (60, 100)
    assert (key["budgetMicrosMonth"], key["scopes"]) == (25_000_001, ["convert", "read"])
    assert "secret" not in key


def test_the_list_shows_what_was_used(operator: Operator, database: Database) -> None:
    key = created(operator, "team", "--budget", "1")
    owner = Authenticator([], database).identify(key["secret"]).owner
    document_id, job_id = documents.add_document(database, owner=owner)
    with database.writing() as session:
        intent = ledger.Intent(job_id, "mistral", "m", None)
        call_id = ledger.open_call(
            session, documents.document(database, document_id), intent, clock.now()
        )
        used = ledger.Used(12, "m", 1, Charge(4000, 30, 48_000, 62_400))
        ledger.settle(session, call_id, used, clock.now())

    (line,) = operator.run("keys", "list").stdout.splitlines()[1:]
    (listed,) = json.loads(operator.run("keys", "list", "--json").stdout)

    assert "$0.0624 of $1.00" in line
    assert listed["today"] == listed["month"] == {"pages": 12, "costMicros": 62_400}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "no spaces"), "letters, digits"),
        (("create", "a", "--budget", "1,5"), "decimal"),
        (("create", "a", "--budget", "-1"), "decimal"),
        (("create", "a", "--expires", "2020-01-01"), "past"),
        (("create", "a", "--expires", "soon"), "90d"),
        (("create", "a", "--scope", "all"), "convert"),
        (("create", "a", "--requests-per-minute", "0"), "100000"),
        (("rotate", "a", "--grace", "1y"), "24h"),
    ],
)
def test_a_command_line_that_makes_no_sense_says_what_would(
    operator: Operator, arguments: tuple[str, ...], words: str
) -> None:
    done = operator.run("keys", *arguments)

    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize("arguments", [("revoke", "nobody"), ("rotate", "nobody")])
def test_an_unknown_key_is_one_line_with_the_remedy(
    operator: Operator, arguments: tuple[str, ...]
) -> None:
    done = operator.run("keys", *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ilios: There is no key 'nobody'.")
    assert "ilios keys list" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("create", "new"), "There is a key 'new' already"),
        (("rotate", "team"), "was rotated"),
        (("revoke", "team"), "was revoked"),
    ],
)
def test_of_operators_at_once_one_succeeds_and_the_others_are_told(
    operator: Operator, database: Database, arguments: tuple[str, ...], refusal: str
) -> None:
    created(operator)

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: operator.run("keys", *arguments, "--json"), range(4)))

    (winner,) = [run for run in runs if run.returncode == 0]
    for run in runs:
        assert run is winner or refusal in run.stderr
    secret = json.loads(winner.stdout).get("secret")
    if secret:
        assert Authenticator([], database).identify(secret).key_id


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("50GB", 50 * 10**9),
        ("50 GiB", 50 * 2**30),
        ("1.5TB", 1_500_000_000_000),
        ("0.5k", 500),
        ("1000", 1000),
        ("12B", 12),
        ("none", UNLIMITED),
        ("default", None),
    ],
)
def test_a_size_is_taken_in_bytes_or_units(given: str, kept: int | None) -> None:
    assert SizeLimit().convert(given, None, None) == kept


@pytest.mark.parametrize("given", ["", "0", "-1", "5bit", "1.2.3GB", "50 G B", "1e3", "9" * 19])
def test_what_is_no_size_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter, match="50GB or 50GiB"):
        SizeLimit().convert(given, None, None)


def test_what_a_key_may_hold_is_set_listed_and_lifted(operator: Operator) -> None:
    created(operator, "team", "--storage", "50GB", "--waiting", "7")

    done = operator.run("keys", "set", "team", "--storage", "none")
    (listed,) = json.loads(operator.run("keys", "list", "--json").stdout)
    (line,) = operator.run("keys", "list").stdout.splitlines()[1:]
    restored = json.loads(operator.run("keys", "set", "team", "--waiting=default", "--json").stdout)

    assert done.stdout == "team is changed.\n"
    assert (listed["storageBytes"], listed["waitingDocuments"]) == ("none", 7)
    assert listed["holding"] == {
        "storageUsedBytes": 0,
        "storageLimitBytes": None,
        "waitingDocuments": 0,
        "waitingLimit": 7,
    }
    assert "0 of 7" in line
    assert (restored["storageBytes"], restored["waitingDocuments"]) == ("none", None)


def test_a_change_of_nothing_is_refused(operator: Operator) -> None:
    created(operator, "team")

    done = operator.run("keys", "set", "team")

    assert done.returncode == 2
    assert "--storage, --waiting" in done.stderr


def test_what_is_noted_wrongly_is_counted_anew(operator: Operator, database: Database) -> None:
    documents.add_document(database, owner="a")
    with database.writing() as session:
        session.execute(update(OwnerTotals).values(stored_bytes=1))

    first, again = (operator.run("keys", "recount").stdout for _ in range(2))

    assert (first, again) == ("1 corrected.\n", "0 corrected.\n")


def test_a_webhook_has_a_secret_that_is_shown_once(operator: Operator) -> None:
    done = operator.run("keys", "create", "team", "--webhook-url", "https://example.com/hooks")
    secret, webhook_secret = done.stdout.split()
    assert secret.startswith("ilios_")
    assert webhook_secret.startswith("whsec_")

    (key,) = json.loads(operator.run("keys", "list", "--json").stdout)
    assert (key["webhookUrl"], key["hasWebhookSecret"]) == ("https://example.com/hooks", True)
    done = operator.run("keys", "webhook", "team", "--secret", "new", "--json")
    renewed = json.loads(done.stdout)
    assert renewed["webhookSecret"] not in (webhook_secret, None)
    assert operator.run("keys", "webhook", "team", "--url", "none").returncode == 0
    assert json.loads(operator.run("keys", "list", "--json").stdout)[0]["webhookUrl"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Say what to change"),
        (("--url", "https://example.com/"), "WEBHOOK_SECRET"),
        (("--url", "http://127.0.0.1/"), "URL_ALLOW"),
        (("--url", "example.com"), "Only http and https"),
    ],
)
def test_a_webhook_that_could_not_be_sent_to_is_refused(
    operator: Operator, options: tuple[str, ...], said: str
) -> None:
    created(operator)

    done = operator.run("keys", "webhook", "team", *options)

    assert done.returncode != 0
    assert said in " ".join(done.stderr.split())
