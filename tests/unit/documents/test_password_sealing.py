"""Passwords of documents as they are stored: opened by the data folder's key alone."""

from __future__ import annotations

import base64

import pytest

from ilios.core import data_folder
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.documents import password_sealing
from ilios.documents.password_sealing import password
from tests.support.protected import PASSWORD, WRONG


@pytest.mark.parametrize("text", [PASSWORD, "пароль 漢字", "x", "p" * 1024])
def test_what_is_sealed_is_opened_with_its_document_alone(settings: Settings, text: str) -> None:
    sealed = password(settings, text).sealed("one")

    found = password_sealing.opened(settings, "one", sealed)

    assert found is not None
    assert found.text == text
    assert password_sealing.opened(settings, "two", sealed) is None


def test_a_sealed_password_shows_nothing_of_it_and_is_never_the_same(settings: Settings) -> None:
    sealed = {password(settings, PASSWORD).sealed("one") for _ in range(5)}

    assert len(sealed) == 5
    for one in sealed:
        assert PASSWORD.encode() not in base64.b64decode(one)


def test_another_key_opens_nothing_and_compares_otherwise(settings: Settings) -> None:
    before = password(settings, PASSWORD)
    sealed = before.sealed("one")
    data_folder.password_key(settings).unlink()

    assert password_sealing.opened(settings, "one", sealed) is None
    assert password(settings, PASSWORD).digest("me") != before.digest("me")


def test_passwords_of_an_owner_are_compared_by_their_digests(settings: Settings) -> None:
    one = password(settings, PASSWORD)

    assert one.digest("me") == password(settings, PASSWORD).digest("me")
    others = {password(settings, WRONG).digest("me"), one.digest("somebody")}
    assert len({one.digest("me"), *others}) == 3


def test_a_password_shows_neither_itself_nor_its_key(settings: Settings) -> None:
    shown = repr(password(settings, PASSWORD))

    assert PASSWORD not in shown
    assert "instance_key" not in shown


def test_the_key_is_its_owners_alone(settings: Settings) -> None:
    password(settings, PASSWORD)
    key = data_folder.password_key(settings)

    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(StartupError, match="chmod 600"):
        password(settings, PASSWORD)
