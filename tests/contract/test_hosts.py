"""Which hosts and origins a service without keys answers, and what a key changes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from ilios.accounts import keys
from ilios.core import clock
from ilios.core.errors import DatabaseBusy
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.driver import sqlite
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents.submission import Submissions
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY, serving
from tests.support.volumes import volume

EVIL = "evil.example"
PAGE = {"Origin": "https://app.example.com"}
GUARDED = (
    "/",
    "/docs",
    "/admin",
    "/openapi.json",
    "/api/documents",
    "/api/admin/status",
    "/nowhere",
)
PROBES = ("/livez", "/readyz", "/health", "/metrics")


@pytest.fixture
def make_open(make_app: Callable[[Settings], Flask], settings: Settings) -> Callable[..., Caller]:
    """Make callers of a service that has no key, with settings of the test's own."""
    return lambda **update: Caller(make_app(settings.model_copy(update=update)).test_client(), None)


@pytest.fixture
def open_service(make_open: Callable[..., Caller]) -> Caller:
    return make_open()


@pytest.fixture(scope="module")
def lasting_service(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path
) -> Iterator[Caller]:
    """Provide a caller of one that serves all tests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("open")
    with volume(folder, migrated_file) as settings, serving(settings) as app:
        yield Caller(app.test_client(), None)


def at(host: str, **more: str) -> dict[str, Any]:
    return {"headers": {"Host": host, **more}}


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "host", [EVIL, "evil.example:1337", "localhost.evil.example", "127.0.0.1.evil.example",
             "10.0.0.7", "", "local host", "localhost:1337:80", "[::2]:1337", "192.168.1.7:1337"]
)  # fmt: skip
def test_without_a_key_only_known_hosts_are_answered(
    lasting_service: Caller, path: str, host: str
) -> None:
    answer = lasting_service.get(path, **at(host))

    assert_problem(answer, 421, "host_not_allowed", "ALLOWED_HOSTS")


def test_a_database_that_cannot_tell_whether_there_are_keys_is_no_wrong_host(
    open_service: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_database: Database) -> NoReturn:
        raise OperationalError("SELECT", None, sqlite.OperationalError("disk I/O error"))

    monkeypatch.setattr(SqliteDatabase, "watching", unreadable)

    answer = open_service.get("/api/documents", **at(EVIL))
    sent = open_service.post("/api/documents/submit", **at("localhost", Origin=PAGE["Origin"]))

    for refused in (answer, sent):
        assert_problem(refused, 503, "database_busy", "Try again")
        assert refused.headers["Retry-After"]


def test_what_was_accepted_stays_so_when_the_database_goes_before_the_answer_is_sent(
    open_service: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Database) -> NoReturn:
        raise DatabaseBusy("The database cannot be reached. Try again.")

    accept = Submissions.submit

    def accept_and_lose_database(*given: Any, **named: Any) -> Any:
        accepted = accept(*given, **named)
        monkeypatch.setattr(SqliteDatabase, "watching", away)
        return accepted

    monkeypatch.setattr(Submissions, "submit", accept_and_lose_database)
    answer = open_service.post("/api/documents/submit", data={"file": file(b"Hello")})

    assert answer.status_code == 202
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1337", "localhost.", "127.0.0.1:8080", "127.9.9.9", "[::1]:1337"],
)
def test_loopback_names_are_known(lasting_service: Caller, host: str) -> None:
    assert lasting_service.get("/api/documents", **at(host)).status_code == 200


@pytest.mark.parametrize("path", PROBES)
def test_probes_answer_under_any_host(lasting_service: Caller, path: str) -> None:
    assert lasting_service.get(path, **at(EVIL)).status_code != 421


def test_the_public_url_and_the_setting_name_hosts(make_open: Callable[..., Caller]) -> None:
    caller = make_open(
        public_url="https://ocr.example.com", allowed_hosts="ilios, Other.example:8080, [fd00::1]"
    )
    known = ("ocr.example.com", "ilios:1337", "ilios", "OTHER.example:8080", "[fd00::1]:1")
    unknown = ("other.example", "other.example:80", "app.ilios", EVIL)

    assert [caller.get("/docs", **at(host)).status_code for host in known] == [200] * len(known)
    assert [caller.get("/docs", **at(host)).status_code for host in unknown] == [421] * len(unknown)


def test_a_star_names_all_hosts(make_open: Callable[..., Caller]) -> None:
    caller = make_open(allowed_hosts="*")

    assert caller.get("/api/documents", **at(EVIL)).status_code == 200
    assert_problem(
        caller.post("/v1/convert", {"file": file()}, headers={"Host": "ours.example", **PAGE}),
        403, "origin_not_allowed", "CORS_ORIGINS",
    )  # fmt: skip


def test_with_keys_every_host_is_answered(anna: Caller, nobody: Caller) -> None:
    assert anna.get("/api/documents", **at(EVIL)).status_code == 200
    assert nobody.get("/", **at(EVIL)).status_code == 200


def test_the_first_key_opens_the_service_to_other_hosts(
    open_service: Caller, database: Database
) -> None:
    assert open_service.get("/docs", **at(EVIL)).status_code == 421

    with database.writing() as session:
        keys.create(session, keys.Terms("first"), keys.new_secret(), clock.now())

    assert open_service.get("/docs", **at(EVIL)).status_code == 200
    assert open_service.get("/api/documents").status_code == 401


def test_without_a_key_no_page_reads_answers_unless_it_is_listed(
    make_open: Callable[..., Caller],
) -> None:
    usual = make_open()
    for path in ("/api/documents", "/health", "/metrics", "/nowhere"):
        assert "Access-Control-Allow-Origin" not in usual.get(path, headers=PAGE).headers
    assert "Access-Control-Allow-Origin" not in usual.get("/api/documents").headers

    listing = make_open(cors_origins=f"*,{PAGE['Origin']}")
    answer = listing.get("/api/documents", headers=PAGE)
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE["Origin"]


@pytest.mark.parametrize(
    "origin", ["https://app.example.com", "null", "http://localhost:3000", "x"]
)
def test_without_a_key_no_strange_page_sends_documents(
    open_service: Caller, nothing_is_kept: Callable[[], None], origin: str
) -> None:
    sent = open_service.post("/api/documents/submit", {"file": file()}, headers={"Origin": origin})

    assert_problem(sent, 403, "origin_not_allowed", "CORS_ORIGINS")
    nothing_is_kept()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:1337", "Host": "localhost:1337"},
        {"Origin": "https://ocr.example.com", "Host": "127.0.0.1:1337"},  # behind a proxy
        {"Origin": "https://ilios:8443", "Host": "127.0.0.1:1337"},
        PAGE,
    ],
)
def test_our_own_page_and_listed_ones_send_documents(
    make_open: Callable[..., Caller], headers: dict[str, str]
) -> None:
    caller = make_open(
        public_url="https://ocr.example.com", allowed_hosts="ilios", cors_origins=PAGE["Origin"]
    )

    sent = caller.post("/api/documents/submit", {"file": file()}, headers=headers)

    assert sent.status_code == 202


def test_a_preflight_allows_what_the_api_has(anna: Caller) -> None:
    headers = {**PAGE, "Access-Control-Request-Method": "DELETE"}
    answer = anna.call("OPTIONS", "/api/documents/" + "a" * 24, headers=headers)

    assert answer.status_code == 204
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("host", ["<script>", "a b", "x@evil.example", "evil.example/.."])
def test_links_do_not_repeat_a_host_that_is_none(anna: Caller, host: str) -> None:
    sent = anna.post("/api/documents/submit", {"file": file()}, headers={"Host": host})

    assert sent.get_json()["statusUrl"].startswith("/api/documents/status/")


def test_links_keep_to_the_hosts_that_are_named(
    make_app: Callable[[Settings], Flask], api_settings: Settings
) -> None:
    named = api_settings.model_copy(update={"allowed_hosts": "ocr.example.com"})
    caller = Caller(make_app(named).test_client(), KEY)

    def link(host: str) -> str:
        sent = caller.post("/api/documents/submit", {"file": file()}, headers={"Host": host})
        return str(sent.get_json()["statusUrl"])

    assert link("ocr.example.com").startswith("http://ocr.example.com/api/documents/status/")
    assert link("localhost:1337").startswith("http://localhost:1337/")
    assert link(EVIL).startswith("/api/documents/status/")


def test_the_start_says_which_hosts_are_answered(
    make_app: Callable[[Settings], Flask],
    settings: Settings,
    api_settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def lines(of: Settings) -> list[Any]:
        make_app(of)
        events = map(json.loads, capsys.readouterr().out.splitlines())
        return [event for event in events if event["event"] == "access.open"]

    (line,) = lines(settings.model_copy(update={"allowed_hosts": "ilios"}))
    assert (line["hosts"], line["setting"]) == (["localhost", "ilios"], "ALLOWED_HOSTS")
    assert lines(api_settings) == []
