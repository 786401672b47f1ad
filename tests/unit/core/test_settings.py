"""Settings: defaults, and one clear line for each wrong value."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ilios.api.concurrency import WaitSlots
from ilios.core import settings
from ilios.core.errors import SettingsError
from ilios.core.settings import Settings
from ilios.core.settings.web import DIALECTS


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
        ("PUBLIC_URL", "example.com", "must be an http or https URL"),
        ("API_KEY", " , ", "unset it for a service without authentication"),
        ("API_KEY", "schlüssel", "must be ASCII"),
        ("CORS_ORIGINS", "app.example.com", "a scheme and a host"),
        ("CORS_ORIGINS", "https://app.example.com/", "a scheme and a host"),
        ("LOG_FORMAT", "xml", "for example LOG_FORMAT=json"),
        ("S3_BUCKET", "documents", "without AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", "tid_x", "without S3_BUCKET and AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "tsec_x", "set all three for a bucket, or none"),
        ("AWS_ACCESS_KEY_ID", "tid_x\n", "AWS_ACCESS_KEY_ID is its value: has a space, a line"),
        ("AWS_SECRET_ACCESS_KEY", "tsec x", "AWS_SECRET_ACCESS_KEY is its value: has a space"),
        ("S3_BUCKET", "s3://documents", "must be the name of a bucket"),
        ("S3_REGION", "eu central", "for example S3_REGION=eu-central-1"),
        ("USE_EMBEDDED_REPLICA", "true", "without both TURSO_DATABASE_URL and TURSO_AUTH_TOKEN"),
        ("TURSO_DATABASE_URL", "libsql://x", "set without USE_EMBEDDED_REPLICA=true"),
        ("TURSO_DATABASE_URL", "postgresql://x", "must be a libsql or https URL"),
        ("TURSO_DATABASE_URL", "libsql://x?authToken=secret", "the token belongs into"),
        ("TURSO_AUTH_TOKEN", "x", "set without USE_EMBEDDED_REPLICA=true"),
        ("TURSO_AUTH_TOKEN", "secret secret", "one word of ASCII"),
        ("TURSO_SYNC_INTERVAL", "0", "for example TURSO_SYNC_INTERVAL=60"),
        ("DATABASE_URL", "mysql://x/secret", "DATABASE_URL is its value: must be a postgresql URL"),
        ("DATABASE_URL", "postgresql://x", "must name a database"),
        ("DATABASE_URL", "postgresql://u:secret#1@x:y/d", "for example DATABASE_URL=postgresql://"),
        ("DATABASE_URL", "postgresql://u:secret@[x/d", "is no URL"),
        ("DATABASE_URL", "postgresql://u:secret@x:5432,y:z/d", "is no URL"),
        ("DB_ENCRYPTION_KEY", "secret", "encrypt the volume"),
        ("MISTRAL_SERVER_URL", "api.mistral.ai", "must be an http or https URL"),
        ("CALL_DEADLINE_SECONDS", "0", "for example CALL_DEADLINE_SECONDS=300"),
        ("AMBIGUOUS_RETRIES", "-1", "for example AMBIGUOUS_RETRIES=2"),
        ("SPLIT_PAGES", "1001", "less than or equal to 1000"),
        ("PROVIDER_BATCH_TIMEOUT_HOURS", "169", "less than or equal to 168"),
        ("MARGIN_RATE", "1001", "less than or equal to 1000"),
        ("PRICE_BOOK", "mistral-ocr-2512=2", "model=plain/annotated"),
        ("PRICE_BOOK", "mistral-ocr-2512=2/0.001", "in steps of 0.002"),
        ("METRICS_TOKEN", "two words", "one word of ASCII"),
        ("WEBHOOK_SECRET", "whsec_tooshort", "WEBHOOK_SECRET is its value: must be whsec_"),
        ("WEBHOOK_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "24 to 64 bytes in standard base64"),
        ("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL_Sw", "standard base64"),
        ("URL_ALLOW", "http://a.example/", "is no network"),
        ("URL_ALLOW", "10.0.0.1/8", "for example URL_ALLOW=nas.lan"),
        ("DIALECTS", "mistral,ollama", "'ollama' is none"),
        ("DIALECTS", "tika,none", "must be none or a list of mistral, docling"),
        ("OTEL_TRACES_EXPORTER", "jaeger", "for example OTEL_TRACES_EXPORTER=otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTLP_PROTOCOL=http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "OTLP_TRACES_PROTOCOL=http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "secret:4317", "its value: must be an http or https URL"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "its value: must be a list such as name=value"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key=secret%0A", "percent-encoded"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "key=secrétsecret", "must be ASCII"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "for example OTEL_EXPORTER_OTLP_TIMEOUT=10000"),
        ("OTEL_TRACES_SAMPLER", "xray", "OTEL_TRACES_SAMPLER is 'xray'"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "less than or equal to 1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "for example OTEL_BSP_MAX_QUEUE_SIZE=2048"),
        ("OTEL_RESOURCE_ATTRIBUTES", "staging", "must be a list such as name=value"),
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
    assert "secret" not in caught.value.detail.replace("SECRET", "")


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, None),
        ({"TRACES_EXPORTER": "otlp"}, "http://localhost:4318/v1/traces"),
        ({"TRACES_EXPORTER": "otlp", "SDK_DISABLED": "true"}, None),
        ({"EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"EXPORTER_OTLP_ENDPOINT": "http://c:4318", "TRACES_EXPORTER": "none"}, None),
        ({"EXPORTER_OTLP_ENDPOINT": "http://c:4318", "SDK_DISABLED": "true"}, None),
        ({"EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, "http://t/x"),
        (
            {"EXPORTER_OTLP_ENDPOINT": "http://c", "EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"},
            "http://t/x",
        ),
        ({"SERVICE_NAME": "papers", "TRACES_SAMPLER": "always_on"}, None),
    ],
)
def test_traces_are_sent_where_opentelemetrys_variables_say(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_{name}", value)

    assert settings.load().traces_endpoint == url


def test_what_is_set_for_traces_alone_comes_before_what_is_set_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "key=all,other=1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "key=of%20traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "5000")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1500")

    loaded = settings.load()

    assert loaded.traces_headers == {"key": "of traces"}
    assert loaded.traces_timeout_seconds == 1.5
    assert "of traces" in loaded.secrets


@pytest.mark.parametrize(
    ("engine", "key", "used"),
    [
        ("auto", "", "embedded"),
        ("auto", "xxx", "mistral"),
        ("embedded", "xxx", "embedded"),
        ("mistral", "", "mistral"),
    ],
)
def test_the_engine_follows_from_the_key_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, engine: str, key: str, used: str
) -> None:
    monkeypatch.setenv("OCR_ENGINE", engine)
    monkeypatch.setenv("MISTRAL_API_KEY", key)

    assert settings.load().engine_name == used


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, DIALECTS),
        ("tika, mistral,tika", ("tika", "mistral")),
        ("none", ()),
        ("", ()),
        (" ", ()),
        (",", ()),
    ],
)
def test_dialects_are_chosen_by_name_and_an_empty_value_chooses_none(
    monkeypatch: pytest.MonkeyPatch, value: str | None, names: tuple[str, ...]
) -> None:
    if value is not None:
        monkeypatch.setenv("DIALECTS", value)

    assert settings.load().enabled_dialects == names


def test_prices_and_margin_of_the_environment_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE_BOOK", "house-model = 10/20")
    monkeypatch.setenv("MARGIN_RATE", "0")

    pricing = settings.load().pricing

    assert pricing.charge(3, "house-model").total_micros == 30_000


def test_32_waiting_clients_find_a_place_wherever_the_kernel_sends_them() -> None:
    defaults = Settings()
    assert defaults.web_concurrency == 2
    assert WaitSlots(defaults.web_threads).total >= 32


@pytest.mark.parametrize(
    "missing", ["USE_EMBEDDED_REPLICA", "TURSO_DATABASE_URL", "TURSO_AUTH_TOKEN"]
)
def test_half_of_the_settings_for_turso_are_refused(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    whole = {
        "USE_EMBEDDED_REPLICA": "true",
        "TURSO_DATABASE_URL": "libsql://ilios-acme.turso.io",
        "TURSO_AUTH_TOKEN": "very-private",
    }
    for name, value in whole.items():
        monkeypatch.setenv(name, value)
    assert settings.load().use_embedded_replica

    monkeypatch.delenv(missing)

    with pytest.raises(SettingsError, match="set all three") as caught:
        settings.load()
    assert "very-private" not in caught.value.detail


@pytest.mark.parametrize("name", ["API_KEY", "MISTRAL_API_KEY", "AWS_SECRET_ACCESS_KEY"])
def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for together in settings.S3_TOGETHER:
        monkeypatch.setenv(together, "set")
    monkeypatch.setenv(name, "very-private")

    assert "very-private" not in repr(settings.load())


def test_of_several_wrong_values_the_first_in_order_of_subjects_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = {  # data, object store, HTTP, conversion, Mistral, replication, log
        "MIN_FREE_DISK_BYTES": "-1",
        "S3_REGION": "eu central",
        "PORT": "0",
        "WORKER_COUNT": "0",
        "CALL_DEADLINE_SECONDS": "0",
        "TURSO_SYNC_INTERVAL": "0",
        "LOG_FORMAT": "xml",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)

    for name in wrong:
        with pytest.raises(SettingsError) as caught:
            settings.load()
        assert caught.value.detail.startswith(f"{name} is ")
        monkeypatch.delenv(name)


def test_the_password_in_database_url_is_a_secret_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ilios:p%40ss@db/ilios")

    loaded = settings.load()

    assert "p@ss" in loaded.secrets
    assert "p%40ss" not in repr(loaded)


def test_a_database_may_be_on_several_hosts_each_with_a_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "postgresql://ilios:p%40ss@db-1:5432,[::1]:5433,db-3/ilios?target_session_attrs=any"
    monkeypatch.setenv("DATABASE_URL", url)

    loaded = settings.load()

    assert loaded.database_url is not None
    assert loaded.database_url.get_secret_value() == url
    assert "p@ss" in loaded.secrets


def test_a_copy_in_turso_is_of_a_sqlite_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/ilios")
    monkeypatch.setenv("USE_EMBEDDED_REPLICA", "true")
    monkeypatch.setenv("TURSO_DATABASE_URL", "libsql://x")
    monkeypatch.setenv("TURSO_AUTH_TOKEN", "x")

    with pytest.raises(SettingsError, match="unset one of them"):
        settings.load()


def test_a_direct_url_is_of_a_database_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://db/ilios")

    with pytest.raises(SettingsError, match="set without DATABASE_URL"):
        settings.load()


def test_the_server_itself_is_past_the_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ilios:one-password@pooler/ilios")
    beside = settings.load().server_url
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://ilios:other-password@db/ilios")
    loaded = settings.load()

    assert beside is not None
    assert beside.get_secret_value().endswith("@pooler/ilios")
    assert loaded.server_url is not None
    assert loaded.server_url.get_secret_value().endswith("@db/ilios")
    assert {"one-password", "other-password"} <= set(loaded.secrets)


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_DIRECT_URL"])
@pytest.mark.parametrize("password", ["p%zz-word", "100%", "a%4"])
def test_a_bare_percent_sign_in_a_password_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/ilios")
    monkeypatch.setenv(name, f"postgresql://ilios:{password}@db/ilios")

    with pytest.raises(SettingsError, match="written as %40") as refusal:
        settings.load()

    assert password not in refusal.value.detail


@pytest.mark.parametrize("size", ["0", "3", "65", "many"])
def test_a_pool_of_a_size_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", size)

    with pytest.raises(SettingsError, match="DATABASE_POOL_SIZE"):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value"), [("NODE_NAME", "worker-3"), ("PROVIDER_CONCURRENCY", "16")]
)
def test_a_node_without_the_database_of_its_cluster_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=f"{name} is set without DATABASE_URL"):
        settings.load()


def test_a_node_has_the_name_that_it_was_given_or_its_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/ilios")
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename="anna's host.lan"))
    assert settings.load().node == "anna-s-host.lan"

    monkeypatch.setenv("NODE_NAME", "worker-3")
    assert settings.load().node == "worker-3"


@pytest.mark.parametrize("name", ["-w", "a b", "ü", "x" * 64])
def test_a_name_of_a_node_that_would_not_fit_a_line_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/ilios")
    monkeypatch.setenv("NODE_NAME", name)

    with pytest.raises(SettingsError, match="NODE_NAME is"):
        settings.load()
