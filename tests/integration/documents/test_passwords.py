"""Passwords of documents: kept as long as one waits for them, and never in the place of knowing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import delete, select

from ilios.conversion.converter import Converter
from ilios.core import clock
from ilios.core.conversion_errors import WrongPassword
from ilios.core.password_errors import PasswordInUse, PasswordRequired
from ilios.core.settings import Settings
from ilios.db import password_triggers
from ilios.db.database import Database
from ilios.db.models import Document, DocumentPassword, DocumentStatus, Job
from ilios.documents import password_sealing, results
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.submission import Submissions
from ilios.documents.upkeep import Upkeep
from ilios.documents.uploads import Received
from ilios.engines.base import Conversion, Engine, Part
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from tests.support import protected
from tests.support.engines import EchoEngine, converted
from tests.support.protected import PASSWORD, WRONG

MakeConverter = Callable[[Engine], Converter]
Receive = Callable[..., Received]
OWNER = "me"


class PasswordEngine(EchoEngine):
    """Opens with PASSWORD alone, and remembers what it was given."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.given: list[str | None] = []

    def convert(self, part: Part, *_: object) -> Conversion:
        self.given.append(part.source.password)
        if part.source.password != PASSWORD:
            raise WrongPassword("It does not open it.")
        return converted("Opened.")


@pytest.fixture
def engine(settings: Settings) -> PasswordEngine:
    return PasswordEngine(settings)


@pytest.fixture
def submit(settings: Settings, submissions: Submissions, receive: Receive) -> Callable[..., str]:
    """Submit the same PDF; returns the id."""

    def submit(
        password: str | None = PASSWORD,
        content: bytes = protected.pdf(),
        name: str = "a.pdf",
        **changes: object,
    ) -> str:
        given = None if password is None else password_sealing.password(settings, password)
        order = replace(Order(owner=OWNER, password=given), **changes)  # type: ignore[arg-type]
        return submissions.submit(receive(content, name), order).id

    return submit


@pytest.fixture
def convert_all(
    database: Database, make_converter: MakeConverter, engine: PasswordEngine
) -> Callable[[], None]:
    converter = make_converter(engine)

    def convert_all() -> None:
        while True:
            with database.writing() as session:
                lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
                if lease is not None:
                    results.begin(session, lease.job_id, clock.now())
            if lease is None:
                return
            converter.run(lease)

    return convert_all


@pytest.fixture
def kept(database: Database) -> Callable[[], dict[str, bool]]:
    """Return the documents that came with a password, and whether it is still there."""

    def kept() -> dict[str, bool]:
        with database.reading() as session:
            rows = session.scalars(select(DocumentPassword))
            return {row.document_id: bool(row.sealed) for row in rows}

    return kept


@pytest.fixture
def state(database: Database) -> Callable[[str], tuple[str, str | None, str | None]]:
    def state(document_id: str) -> tuple[str, str | None, str | None]:
        with database.reading() as session:
            found = session.get_one(Document, document_id)
            return found.status.value, found.error_code, found.result_of

    return state


Kept = Callable[[], dict[str, bool]]
State = Callable[[str], tuple[str, str | None, str | None]]
Submit = Callable[..., str]
ConvertAll = Callable[[], None]


def retry(
    actions: DocumentActions, settings: Settings, document_id: str, password: str | None = None
) -> None:
    given = None if password is None else password_sealing.password(settings, password)
    actions.retry(document_id, owner=OWNER, password=given)


def test_a_password_comes_to_the_engine_and_goes_with_the_end(
    submit: Submit, convert_all: ConvertAll, engine: PasswordEngine, kept: Kept, state: State
) -> None:
    document_id = submit()
    assert kept() == {document_id: True}

    convert_all()

    assert engine.given == [PASSWORD]
    assert state(document_id)[0] == "completed"
    assert kept() == {document_id: False}


def test_it_goes_with_a_failure_a_cancellation_and_a_deletion_too(
    submit: Submit, convert_all: ConvertAll, actions: DocumentActions, kept: Kept, state: State
) -> None:
    failed = submit(WRONG)
    convert_all()
    cancelled, deleted = submit(), submit(cache=False)
    actions.cancel(cancelled, owner=OWNER)
    actions.delete(deleted, owner=OWNER)

    assert state(failed)[:2] == ("failed", "wrong_password")
    assert kept() == {failed: False, cancelled: False, deleted: False}


def test_a_document_without_one_and_one_of_a_type_that_has_none_leave_nothing(
    submit: Submit, convert_all: ConvertAll, kept: Kept, engine: PasswordEngine
) -> None:
    submit(None)
    submit(PASSWORD, b"a text", "a.txt")
    convert_all()

    assert kept() == {}
    assert engine.given == [None, None]


def test_a_result_is_for_those_who_know_the_password(
    submit: Submit, convert_all: ConvertAll, state: State, engine: PasswordEngine
) -> None:
    first = submit()
    convert_all()

    wrong, without, right = submit(WRONG), submit(None), submit()

    assert state(right) == ("completed", None, first)
    assert [state(one)[0] for one in (wrong, without)] == ["pending", "pending"]
    convert_all()
    assert [state(one)[:2] for one in (wrong, without)] == [("failed", "wrong_password")] * 2
    assert engine.given == [PASSWORD, WRONG, None]


def test_one_that_waits_for_another_has_its_password_kept_with_that_one(
    submit: Submit,
    convert_all: ConvertAll,
    actions: DocumentActions,
    kept: Kept,
    state: State,
    engine: PasswordEngine,
) -> None:
    first, second = submit(), submit()
    assert kept() == {first: True, second: False}

    actions.delete(first, owner=OWNER)

    assert kept() == {first: True, second: False}  # its job goes on for the other one
    convert_all()
    assert state(second)[0] == "completed"
    assert engine.given == [PASSWORD]
    assert kept() == {first: False, second: False}


def test_a_retry_asks_for_the_password_again(
    submit: Submit,
    convert_all: ConvertAll,
    actions: DocumentActions,
    settings: Settings,
    kept: Kept,
    state: State,
) -> None:
    document_id = submit(WRONG)
    convert_all()

    with pytest.raises(PasswordRequired, match="`password`"):
        retry(actions, settings, document_id)
    assert state(document_id)[0] == "failed"

    retry(actions, settings, document_id, PASSWORD)
    assert kept() == {document_id: True}
    convert_all()
    assert state(document_id)[0] == "completed"
    assert kept() == {document_id: False}


def test_one_that_came_without_is_retried_with_a_password(
    submit: Submit,
    convert_all: ConvertAll,
    actions: DocumentActions,
    settings: Settings,
    state: State,
) -> None:
    document_id = submit(None)
    convert_all()

    retry(actions, settings, document_id, PASSWORD)
    convert_all()

    assert state(document_id)[0] == "completed"
    assert state(submit(None))[0] == "pending"  # nobody gets it without the password
    assert state(submit())[0] == "completed"


def test_one_that_shared_a_failure_does_not_get_the_result_of_another_password(
    submit: Submit,
    convert_all: ConvertAll,
    actions: DocumentActions,
    settings: Settings,
    state: State,
) -> None:
    first, second = submit(WRONG), submit(WRONG)
    assert state(second)[2] == first
    convert_all()
    retry(actions, settings, first, PASSWORD)
    convert_all()

    retry(actions, settings, second, WRONG)

    assert state(second)[::2] == ("pending", None)
    convert_all()
    assert state(second)[:2] == ("failed", "wrong_password")
    retry(actions, settings, second, PASSWORD)
    convert_all()
    assert state(second)[0] == "completed"


def test_a_conversion_that_runs_for_others_keeps_its_password(
    submit: Submit,
    convert_all: ConvertAll,
    actions: DocumentActions,
    settings: Settings,
    kept: Kept,
    state: State,
) -> None:
    first, second = submit(), submit()
    actions.cancel(first, owner=OWNER)

    with pytest.raises(PasswordInUse):
        retry(actions, settings, first, WRONG)
    retry(actions, settings, first, PASSWORD)

    assert kept() == {first: True, second: False}
    convert_all()
    assert [state(one)[0] for one in (first, second)] == ["completed", "completed"]


def test_a_lost_key_is_said_as_a_missing_password(
    submit: Submit, convert_all: ConvertAll, settings: Settings, engine: PasswordEngine
) -> None:
    submit()
    (settings.data_folder / "password-sealing.key").unlink()

    convert_all()

    assert engine.given == [None]


def test_triggers_that_were_missing_leave_nothing_behind(
    submit: Submit, database: Database, kept: Kept
) -> None:
    ended, waiting = submit(), submit(cache=False)
    with database.writing() as session:
        driver = session.connection().connection.driver_connection
        assert driver is not None
        driver.execute("DROP TRIGGER passwords_document_ended")
        session.get_one(Document, ended).status = DocumentStatus.FAILED
        session.flush()
        assert not password_triggers.are_installed(driver)
        password_triggers.install(driver)
        assert password_triggers.are_installed(driver)

    assert kept() == {ended: False, waiting: True}


def sealed(database: Database) -> list[str | None]:
    with database.reading() as session:
        return list(session.scalars(select(DocumentPassword.sealed)))


def test_what_was_sealed_goes_from_the_log_too_as_soon_as_nobody_reads_it(
    submit: Submit, convert_all: ConvertAll, settings: Settings, database: Database, upkeep: Upkeep
) -> None:
    submit()
    (kept,) = sealed(database)
    assert kept
    folder = settings.database_path.parent
    convert_all()
    assert protected.files_with(folder, kept) != []

    with database.reading() as reader:  # a snapshot, which the log has to serve
        reader.scalar(select(DocumentPassword.sealed))
        assert upkeep.run()
        assert sealed(database) == [""]
    assert upkeep.run()

    assert sealed(database) == [None]
    assert protected.files_with(folder, kept) == []


def test_upkeep_leaves_what_waits(submit: Submit, database: Database, upkeep: Upkeep) -> None:
    submit()
    before = sealed(database)

    assert upkeep.run()

    assert sealed(database) == before


def test_what_is_removed_for_good_takes_its_password_along(
    submit: Submit, database: Database, kept: Kept
) -> None:
    document_id = submit()
    with database.writing() as session:
        session.execute(delete(Job).where(Job.document_id == document_id))
        session.execute(delete(Document).where(Document.id == document_id))

    assert kept() == {}
