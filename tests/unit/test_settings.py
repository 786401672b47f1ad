"""Settings: defaults, and one clear line for each wrong value."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios import settings
from ilios.errors import SettingsError


def test_the_defaults_are_those_of_the_deployment_guide() -> None:
    loaded = settings.load()

    assert loaded.port == 1337
    assert loaded.database_path == Path("/data/ilios.db")
    assert loaded.data_folder == Path("/data")
    assert loaded.aws_endpoint_url_s3 == "https://fly.storage.tigris.dev"
    assert loaded.max_file_size_bytes == 1024**3


def test_the_data_folder_is_that_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_DB_PATH", "/srv/db/x.db")

    assert settings.load().data_folder == Path("/srv/db")


def test_the_database_lies_in_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/srv/ilios")

    assert settings.load().database_path == Path("/srv/ilios/ilios.db")


def test_keys_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", " one, two ,,")

    assert settings.load().api_keys == ("one", "two")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_BUCKET", "")
    monkeypatch.setenv("PORT", "")

    assert settings.load().s3_bucket is None


@pytest.mark.parametrize(
    ("name", "value", "fragment"),
    [
        ("PORT", "http", "PORT is 'http'"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("WORKER_COUNT", "0", "for example WORKER_COUNT=2"),
        ("OCR_ENGINE", "tesseract", "OCR_ENGINE is 'tesseract'"),
        ("OCR_ENGINE", "mistral", "not available yet"),
        ("PUBLIC_URL", "example.com", "must be an http or https URL"),
        ("API_KEY", " , ", "unset it for a service without authentication"),
        ("API_KEY", "schlüssel", "must be ASCII"),
        ("CORS_ORIGINS", "app.example.com", "a scheme and a host"),
        ("CORS_ORIGINS", "https://app.example.com/", "a scheme and a host"),
        ("LOG_FORMAT", "xml", "for example LOG_FORMAT=json"),
        ("S3_BUCKET", "documents", "AWS_ACCESS_KEY_ID"),
        ("USE_EMBEDDED_REPLICA", "true", "not available yet"),
        ("DATABASE_URL", "postgresql://x", "PostgreSQL is not supported yet"),
        ("DB_ENCRYPTION_KEY", "secret", "encrypt the volume"),
        ("MISTRAL_API_KEY", "secret", "OCR_ENGINE=embedded"),
        ("TURSO_DATABASE_URL", "libsql://x", "not available yet"),
        ("METRICS_TOKEN", "secret", "/metrics"),
    ],
)
def test_a_wrong_value_is_one_line_with_name_fault_and_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, fragment: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        settings.load()

    assert name in caught.value.detail
    assert fragment in caught.value.detail
    assert "\n" not in caught.value.detail
    assert value == "mistral" or "secret" not in caught.value.detail.replace("SECRET", "")


def test_a_provider_key_may_stay_when_the_embedded_engine_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "secret")
    monkeypatch.setenv("OCR_ENGINE", "embedded")

    assert settings.load().ocr_engine == "embedded"


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "very-private")

    assert "very-private" not in repr(settings.load())
