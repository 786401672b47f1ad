"""API keys: the owner that a secret identifies, the commands of operators, and expiry."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from ilios.accounts.authentication import Authenticator
from ilios.accounts.errors import KeyAlreadyRevoked, KeyNameTaken, KeyNotRotatable, UnknownKey
from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import ANONYMOUS, FULL_USE, Scope, Terms, owner_of
from ilios.core.request_errors import InsufficientScope, KeyExpired, KeyRevoked, Unauthorized
from ilios.db.database import Database
from ilios.db.models import ApiKey
from tests.support.issuing import STANDARD, MovableClock, issue

pytestmark = pytest.mark.both_databases

AT_ONCE = timedelta(0)
NO_KEY = ""


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    return MovableClock(monkeypatch)


@pytest.fixture
def authenticator(database: Database) -> Authenticator:
    return Authenticator([], database)


def test_without_keys_everybody_is_anonymous(authenticator: Authenticator) -> None:
    assert not authenticator.required
    assert authenticator.identify(NO_KEY).owner == ANONYMOUS
    assert authenticator.identify("whatever").owner == ANONYMOUS
    assert authenticator.identify(NO_KEY).scopes == frozenset(Scope)


def test_a_key_of_the_settings_identifies_its_owner_by_its_hash(database: Database) -> None:
    authenticator = Authenticator(["one", "two"], database)

    caller = authenticator.identify("two")

    assert caller.owner == owner_of("two") != owner_of("one")
    assert (caller.scopes, caller.requests_per_minute) == (FULL_USE, None)
    assert "two" not in caller.owner


@pytest.mark.parametrize("key", [NO_KEY, "x", "Bearer one", "one "])
def test_anything_else_is_unauthorized(database: Database, key: str) -> None:
    with pytest.raises(Unauthorized):
        Authenticator(["one"], database).identify(key)


def test_the_first_key_closes_the_service_and_revoking_it_opens_nothing(
    authenticator: Authenticator, database: Database
) -> None:
    issued = issue(database)
    assert authenticator.identify(issued.secret).owner == issued.key.owner

    KeyAdmin(database).revoke("team")

    assert authenticator.required
    with pytest.raises(KeyRevoked, match="revoked at"):
        authenticator.identify(issued.secret)
    with pytest.raises(Unauthorized, match="Bearer"):
        authenticator.identify(NO_KEY)


def test_keys_of_the_settings_and_of_the_database_work_beside_each_other(
    database: Database,
) -> None:
    issued = issue(database)
    authenticator = Authenticator(["one"], database)

    assert authenticator.identify("one").key_id is None
    assert authenticator.identify(issued.secret).key_id == issued.key.id


def test_only_a_hash_of_the_secret_is_stored(database: Database) -> None:
    issued = issue(database)
    KeyAdmin(database).rotate("team", grace=timedelta(hours=1))

    with database.reading() as session:
        rows = session.execute(text("SELECT * FROM api_keys")).all()

    assert issued.secret not in str(rows)
    assert len(issued.secret) >= 43
    assert issued.secret.removeprefix(issued.key.prefix) not in str(rows)


def test_a_key_ends_at_its_expiry(
    moving: MovableClock, authenticator: Authenticator, database: Database
) -> None:
    issued = issue(database, expires_at=moving.now + timedelta(days=1))
    moving.advance(days=1, microseconds=-1)
    assert authenticator.identify(issued.secret)

    moving.advance(microseconds=1)

    with pytest.raises(KeyExpired, match="expired at 2026-11-26T12:00:00"):
        authenticator.identify(issued.secret)


def test_rotation_gives_the_same_owner_a_new_secret_at_once(
    authenticator: Authenticator, database: Database
) -> None:
    issued = issue(database)

    rotated = KeyAdmin(database).rotate("team", grace=AT_ONCE)

    assert authenticator.identify(rotated.secret).owner == issued.key.owner
    with pytest.raises(Unauthorized):
        authenticator.identify(issued.secret)


def test_the_old_secret_works_on_for_the_grace_period(
    moving: MovableClock, authenticator: Authenticator, database: Database
) -> None:
    issued = issue(database)
    rotated = KeyAdmin(database).rotate("team", grace=timedelta(hours=24))
    moving.advance(hours=24, seconds=-1)
    for secret in (issued.secret, rotated.secret):
        assert authenticator.identify(secret).owner == issued.key.owner

    moving.advance(seconds=1)

    with pytest.raises(KeyExpired, match="replaced"):
        authenticator.identify(issued.secret)
    assert authenticator.identify(rotated.secret)


def test_a_second_rotation_within_a_minute_is_refused(
    moving: MovableClock, database: Database
) -> None:
    issue(database)
    service = KeyAdmin(database)
    service.rotate("team", grace=AT_ONCE)
    moving.advance(seconds=59)
    with pytest.raises(KeyNotRotatable, match="wait 1 s"):
        service.rotate("team", grace=AT_ONCE)

    moving.advance(seconds=1)

    service.rotate("team", grace=AT_ONCE)


def test_an_expired_key_is_rotated_into_a_new_life_only_with_an_expiry(
    moving: MovableClock, authenticator: Authenticator, database: Database
) -> None:
    issued = issue(database, expires_at=moving.now + timedelta(days=1))
    moving.advance(days=2)
    service = KeyAdmin(database)
    with pytest.raises(KeyNotRotatable, match="--expires"):
        service.rotate("team", grace=AT_ONCE)

    rotated = service.rotate("team", grace=AT_ONCE, expires_at=moving.now + timedelta(days=9))

    assert authenticator.identify(rotated.secret).owner == issued.key.owner


def test_names_are_unique_among_live_keys_only(database: Database) -> None:
    first = issue(database)
    with pytest.raises(KeyNameTaken, match="ilios keys revoke team"):
        issue(database)

    KeyAdmin(database).revoke("team")

    assert issue(database).key.owner != first.key.owner


def test_what_is_revoked_or_unknown_is_no_key_any_more(database: Database) -> None:
    issued = issue(database)
    service = KeyAdmin(database)
    service.revoke(issued.key.id)

    for again in (service.revoke, lambda name: service.rotate(name, grace=AT_ONCE)):
        with pytest.raises(KeyAlreadyRevoked, match="ilios keys create"):
            again("team")
    with pytest.raises(UnknownKey, match="ilios keys list"):
        service.revoke("nobody")


def test_a_missing_scope_is_named_with_those_that_are_there(
    authenticator: Authenticator, database: Database
) -> None:
    issued = issue(database, scopes=frozenset({Scope.READ}))

    caller = authenticator.identify(issued.secret)

    caller.require(Scope.READ)
    with pytest.raises(InsufficientScope, match=r"`convert`: it has read.*--scope convert"):
        caller.require(Scope.CONVERT)


def test_use_is_noted_with_few_writes(authenticator: Authenticator, database: Database) -> None:
    issued = issue(database)
    with database.watching() as watch:
        watch.changed()
        authenticator.identify(issued.secret)
        assert watch.changed()
        for _ in range(10):
            authenticator.identify(issued.secret)
        assert not watch.changed()

    with database.reading() as session:
        assert session.scalars(select(ApiKey.last_used_at)).one() is not None


def test_reports_are_plain(database: Database, moving: MovableClock) -> None:
    issue(database, "old", expires_at=moving.now + timedelta(hours=1))
    issue(database, "gone")
    KeyAdmin(database).revoke("gone")
    moving.advance(hours=2)

    states = {one.key.name: one.state for one in KeyAdmin(database).reports(STANDARD, revoked=True)}

    assert states == {"old": "expired", "gone": "revoked"}
    assert [one.key.name for one in KeyAdmin(database).reports(STANDARD)] == ["old"]
    assert json.dumps(sorted(Terms("x").scopes))
