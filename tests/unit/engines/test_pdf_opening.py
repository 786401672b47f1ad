"""PDFs that are protected: what opens them, and what is said where nothing does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ilios.core.conversion_errors import EncryptedDocument, WrongPassword
from ilios.engines import pdf_opening
from ilios.engines.pdf_opening import is_protected, open_as_spelled, open_pdf
from tests.support import protected, sample_files
from tests.support.protected import PASSWORDS, TEXT, WRONG


def text_of(path: Path, password: str | None = None) -> str:
    with closing(open_pdf(path, password)) as pdf:
        return str(pdf[0].get_textpage().get_text_range())


@pytest.mark.parametrize("name", PASSWORDS)
def test_its_password_opens_it(name: str) -> None:
    assert TEXT in text_of(protected.path(name), PASSWORDS[name])


@pytest.mark.parametrize("name", PASSWORDS)
def test_another_one_does_not(name: str) -> None:
    with pytest.raises(WrongPassword, match="right `password`"):
        text_of(protected.path(name), WRONG)
    with pytest.raises(WrongPassword):
        text_of(protected.path(name), PASSWORDS[name].upper())


@pytest.mark.parametrize("name", PASSWORDS)
def test_without_one_its_password_is_asked_for(name: str) -> None:
    with pytest.raises(EncryptedDocument, match="with its `password`"):
        text_of(protected.path(name))


@pytest.mark.parametrize("password", [None, WRONG])
@pytest.mark.parametrize("name", ["r3-owner.pdf", "r6-owner.pdf"])
def test_a_pdf_that_is_protected_against_changes_alone_needs_none(
    name: str, password: str | None
) -> None:
    assert TEXT in text_of(protected.path(name), password)
    with pdf_opening.opened(protected.path(name)) as handle:
        assert is_protected(handle)


def test_a_pdf_that_is_not_protected_is_opened_with_any(tmp_path: Path) -> None:
    path = tmp_path / "open.pdf"
    path.write_bytes(sample_files.pdf(sample_files.text("Nothing to hide")))

    assert "Nothing to hide" in text_of(path, WRONG)
    with pdf_opening.opened(path) as handle:
        assert not is_protected(handle)


def test_a_password_is_known_in_another_form_of_its_accents() -> None:
    decomposed = "gru\u0308ne A\u0308pfel"

    pdf, spelling = open_as_spelled(protected.path("r4-latin.pdf"), decomposed)

    pdf.close()
    assert spelling == PASSWORDS["r4-latin.pdf"]
