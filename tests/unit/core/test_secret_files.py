"""A secret may stand in a file that NAME_FILE names, as Docker and Kubernetes mount it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.core import settings
from ilios.core.errors import SettingsError
from ilios.core.settings import secret_fields
from ilios.core.settings.secret_files import FILE_MAX_BYTES

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_what_must_not_be_shown_may_stand_in_a_file() -> None:
    assert {"api_key", "aws_secret_access_key", "mistral_api_key", "webhook_secret"} <= (
        secret_fields()
    )
    assert "s3_bucket" not in secret_fields()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_gives_the_value_without_the_line_break_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(f"{SECRET}{ending}".encode())
    monkeypatch.setenv("WEBHOOK_SECRET_FILE", str(path))

    loaded = settings.load()

    assert loaded.webhook_secret is not None
    assert loaded.webhook_secret.get_secret_value() == SECRET
    assert SECRET in loaded.secrets


def test_a_bucket_may_have_one_key_in_a_file_and_one_in_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("tsec_1")
    monkeypatch.setenv("S3_BUCKET", "documents")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tid_1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY_FILE", str(tmp_path / "secret"))

    loaded = settings.load()

    assert loaded.aws_secret_access_key is not None
    assert loaded.aws_secret_access_key.get_secret_value() == "tsec_1"


def test_an_empty_variable_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY_FILE", "")

    assert settings.load().api_key is None


def test_an_empty_variable_stands_beside_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("one,two\n")
    monkeypatch.setenv("API_KEY", "")
    monkeypatch.setenv("API_KEY_FILE", str(tmp_path / "key"))

    assert settings.load().api_keys == ("one", "two")


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "is empty: write the value of API_KEY to it"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "it is no text in UTF-8"),
        (b"x" * (FILE_MAX_BYTES + 1), "it has more than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_value_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, fragment: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("API_KEY_FILE", str(path))

    with pytest.raises(SettingsError) as caught:
        settings.load()

    assert fragment in caught.value.detail
    assert caught.value.detail.startswith(f"API_KEY_FILE is {str(path)!r}")
    assert "\n" not in caught.value.detail


def test_both_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("hush")
    monkeypatch.setenv("API_KEY", "hush-hush")
    monkeypatch.setenv("API_KEY_FILE", str(tmp_path / "key"))

    with pytest.raises(SettingsError) as caught:
        settings.load()

    assert caught.value.detail == "API_KEY and API_KEY_FILE are both set: unset one of them."


def test_a_wrong_value_in_a_file_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("hush-hush")
    monkeypatch.setenv("WEBHOOK_SECRET_FILE", str(tmp_path / "secret"))

    with pytest.raises(SettingsError) as caught:
        settings.load()

    assert "WEBHOOK_SECRET is its value" in caught.value.detail
    assert "hush" not in caught.value.detail
