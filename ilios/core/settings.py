"""Settings: read once from the environment, frozen, passed down.

Every field here stands in `.env.example` and in the README's table; a test holds them together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from ilios.core.errors import SettingsError
from ilios.core.prices import PriceBook, Pricing

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB
DEFAULT_DB_PATH: Final = Path("/data/ilios.db")

S3_TOGETHER: Final = ("S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_BUCKET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")

NOT_AVAILABLE: Final = {
    "DATABASE_URL": "PostgreSQL is not supported yet; unset it, and set LOCAL_DB_PATH instead",
    "DB_ENCRYPTION_KEY": "the database is not encrypted; unset it and encrypt the volume instead",
}
"""Variables of the deployment guide that nothing here would honour: refused, never ignored."""


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    return value.rstrip("/")


def _libsql_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("libsql", "https", "http") or not parts.hostname:
        raise ValueError("must be a libsql or https URL")
    if parts.query or parts.username or parts.password:
        raise ValueError("must be the URL alone; the token belongs into TURSO_AUTH_TOKEN")
    return value.rstrip("/")


def _header_token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("must be one word of ASCII, for it travels in a header")
    return value


def _origins(value: str) -> str:
    for origin in _listed(value):
        parts = urlsplit(origin)
        if origin != "*" and origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("must be * or a list of origins, each a scheme and a host")
    return value


def _keys(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not _listed(text):
        raise ValueError("holds no key; unset it for a service without authentication")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be ASCII, for it travels in a header")
    return value


def _credential(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("has a space, a line break or a special character; copy it again")
    return value


def _bucket(value: str) -> str:
    if _BUCKET_NAME.fullmatch(value) is None:
        raise ValueError("must be the name of a bucket, without a scheme or a path")
    return value


def _prices(value: str) -> str:
    PriceBook.parse(value)
    return value


def _listed(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


HttpUrl = Annotated[str, AfterValidator(_http_url)]
LibsqlUrl = Annotated[str, AfterValidator(_libsql_url)]
HeaderToken = Annotated[SecretStr, AfterValidator(_header_token)]
Origins = Annotated[str, AfterValidator(_origins)]
Keys = Annotated[SecretStr, AfterValidator(_keys)]
Credential = Annotated[SecretStr, AfterValidator(_credential)]
Bucket = Annotated[str, AfterValidator(_bucket)]
Prices = Annotated[str, AfterValidator(_prices)]


def _field(default: Any, description: str, example: str, **limits: Any) -> Any:
    return Field(default, description=description, examples=[example], **limits)


class Settings(BaseSettings):
    """All settings. A field's environment variable is its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    # Where data lives
    local_db_path: Path | None = _field(None, "SQLite database file", "/data/ilios.db")
    data_dir: Path | None = _field(
        None, "Folder for the database, temporary files and local objects: one file system", "/data"
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = _field(
        "FULL", "FULL survives a power cut; NORMAL is faster and may lose the last commits", "FULL"
    )
    min_free_disk_bytes: int = _field(
        256 * MIB, "Room kept free in DATA_DIR: below it nothing new is taken on", "268435456", ge=0
    )
    aws_access_key_id: Credential | None = _field(None, "S3 access key", "tid_xxx")
    aws_secret_access_key: Credential | None = _field(None, "S3 secret key", "tsec_xxx")
    s3_bucket: Bucket | None = _field(
        None, "S3 bucket; unset: objects live in DATA_DIR", "documents"
    )
    aws_endpoint_url_s3: HttpUrl = _field(
        "https://fly.storage.tigris.dev", "S3 endpoint", "https://fly.storage.tigris.dev"
    )
    s3_addressing_style: Literal["auto", "path", "virtual"] = _field(
        "auto",
        "How the bucket is named in URLs; auto is virtual at Tigris and AWS, else path",
        "path",
    )
    s3_region: str = _field(
        "auto",
        "Region that requests are signed for; auto takes that of an AWS endpoint, else `auto`",
        "eu-central-1",
        pattern="^[A-Za-z0-9-]{1,64}$",
    )

    # HTTP
    port: int = _field(1337, "Port that the service listens on", "1337", ge=1, le=65535)
    public_url: HttpUrl | None = _field(
        None,
        "Base of the links that the service gives out; unset: the request's own",
        "https://ocr.example.com",
    )
    api_key: Keys | None = _field(
        None, "API keys, comma-separated; unset: no authentication", "key-of-team-a,key-of-team-b"
    )
    metrics_token: HeaderToken | None = _field(
        None, "Token for /metrics; without one, /metrics needs a key once there are keys", "scrape"
    )
    cors_origins: Origins = _field(
        "*", "Origins that browsers may call from, comma-separated", "https://app.example.com"
    )
    max_file_size_bytes: int = _field(GIB, "Largest file accepted", "1073741824", ge=1)
    max_request_bytes: int = _field(
        2 * GIB, "Largest request accepted, all files of a batch together", "2147483648", ge=1
    )
    retention_action: Literal["archive", "delete"] = _field(
        "archive", "What becomes of documents whose retention is over", "delete"
    )
    convert_wait_seconds: int = _field(
        900, "How long /v1/convert waits for its result", "900", ge=1, le=86_400
    )
    web_concurrency: int = _field(2, "gunicorn worker processes", "2", ge=1, le=64)
    web_threads: int = _field(
        64,
        "Threads of a gunicorn worker for uploads and conversions; reads have as many",
        "64",
        ge=8,
        le=512,
    )

    # Conversion
    ocr_engine: Literal["auto", "embedded", "mistral"] = _field(
        "auto", "Engine; auto takes Mistral when its key is set", "embedded"
    )
    worker_count: int = _field(2, "Worker processes", "2", ge=1, le=64)
    worker_concurrency: int = _field(
        16,
        "Provider calls in flight for each worker; the embedded engine runs one",
        "16",
        ge=1,
        le=256,
    )
    worker_memory_limit_bytes: int = _field(
        3 * GIB, "Memory that a worker's parser process may take", "3221225472", ge=256 * MIB
    )
    job_deadline_seconds: int = _field(
        3600, "Total time for one attempt at a document", "3600", ge=1, le=86_400
    )
    split_pages: int = _field(
        50, "Pages of one call to Mistral; longer PDFs are split", "50", ge=1, le=1000
    )
    shutdown_grace_seconds: int = _field(
        30, "How long running jobs may go on after SIGTERM", "30", ge=0, le=3600
    )

    # Mistral
    mistral_api_key: SecretStr | None = _field(None, "Key of the Mistral API", "xxx")
    mistral_server_url: HttpUrl = _field(
        "https://api.mistral.ai", "Base of the Mistral API", "https://api.mistral.ai"
    )
    ocr_model: str = _field(
        "mistral-ocr-latest", "Model, unless a request names another", "mistral-ocr-2512"
    )
    call_deadline_seconds: int = _field(
        300, "Total time for one call to Mistral", "300", ge=1, le=3600
    )
    ambiguous_retries: int = _field(
        2, "Repetitions of a call whose outcome is unknown: each may be billed", "2", ge=0, le=10
    )
    provider_batch_poll_seconds: int = _field(
        10, "Time between two looks at a Mistral batch", "10", ge=1, le=3600
    )
    provider_batch_timeout_hours: int = _field(
        24, "When Mistral may give a batch up", "24", ge=1, le=168
    )
    price_book: Prices = _field(
        "",
        "Prices by model in USD for 1,000 pages, plain/annotated, over the built-in ones; "
        "* is any unknown model",
        "mistral-ocr-2512=2/3,*=4/5",
    )
    margin_rate: int = _field(30, "Added to the provider's price, in percent", "30", ge=0, le=1000)

    # Replication
    use_embedded_replica: bool = _field(
        False,
        "Copy the database to Turso all the time, and restore an empty volume from it",
        "true",
    )
    turso_database_url: LibsqlUrl | None = _field(
        None, "Turso database, used by nothing else", "libsql://ilios-acme.turso.io"
    )
    turso_auth_token: HeaderToken | None = _field(None, "Token that may write to it", "eyJhbGciOi")
    turso_sync_interval: int = _field(60, "Seconds between two copies", "60", ge=1, le=3600)

    # Logs
    log_format: Literal["json", "console"] = _field("json", "Shape of the log", "json")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _field(
        "INFO", "Least severe event logged", "INFO"
    )

    @model_validator(mode="after")
    def _whole_s3(self) -> Settings:
        values = {name: getattr(self, name.lower()) for name in S3_TOGETHER}
        given = [name for name, value in values.items() if value]
        missing = [name for name, value in values.items() if not value]
        if given and missing:
            raise SettingsError(
                f"{' and '.join(given)} {'are' if given[1:] else 'is'} set without "
                f"{' and '.join(missing)}: set all three for a bucket, or none of them to keep "
                "objects in DATA_DIR."
            )
        return self

    @model_validator(mode="after")
    def _whole_turso(self) -> Settings:
        given = [bool(self.turso_database_url), bool(self.turso_auth_token)]
        if self.use_embedded_replica and not all(given):
            raise SettingsError(
                "USE_EMBEDDED_REPLICA is 'true' without both TURSO_DATABASE_URL and "
                "TURSO_AUTH_TOKEN: set all three, or USE_EMBEDDED_REPLICA=false."
            )
        if any(given) and not self.use_embedded_replica:
            raise SettingsError(
                "TURSO_DATABASE_URL or TURSO_AUTH_TOKEN is set without USE_EMBEDDED_REPLICA=true: "
                "set all three to replicate, or unset both."
            )
        return self

    @property
    def data_folder(self) -> Path:
        """The data folder, absolute: DATA_DIR, else the folder of the database."""
        return (self.data_dir or (self.local_db_path or DEFAULT_DB_PATH).parent).absolute()

    @property
    def database_path(self) -> Path:
        """The database file, absolute."""
        if self.local_db_path is not None:
            return self.local_db_path.absolute()
        return self.data_folder / DEFAULT_DB_PATH.name

    @property
    def engine_name(self) -> Literal["embedded", "mistral"]:
        """The engine that converts what it can: Mistral when asked for, or when its key is set."""
        if self.ocr_engine == "auto":
            return "mistral" if self.mistral_api_key else "embedded"
        return self.ocr_engine

    @property
    def pricing(self) -> Pricing:
        return Pricing(PriceBook.parse(self.price_book), self.margin_rate)

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The configured keys, in clear; never log or store them."""
        return _listed(self.api_key.get_secret_value()) if self.api_key else ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that is set and must not be seen, such as in a log."""
        values = (getattr(self, name) for name in type(self).model_fields)
        hidden = (value.get_secret_value() for value in values if isinstance(value, SecretStr))
        return (*self.api_keys, *hidden)


def load() -> Settings:
    """Read the environment.

    Raises SettingsError with one line that names the variable, its fault and an example.
    """
    if line := next(refused_variables(os.environ), None):
        raise SettingsError(line)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(fault_line(error.errors(include_url=False)[0])) from error


def log_format() -> Literal["json", "console"]:
    """LOG_FORMAT alone, for what is to be said of settings that cannot be read."""
    return "console" if os.environ.get("LOG_FORMAT") == "console" else "json"


def refused_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """A line for each variable that is set and that nothing here would honour."""
    for name, remedy in NOT_AVAILABLE.items():
        if environ.get(name):
            yield f"{name} is set, but {remedy}."


def fault_line(error: ErrorDetails) -> str:
    """One line on a field's fault: the variable, its value unless that is secret, an example."""
    name = str(error["loc"][0]) if error["loc"] else ""
    fault = error["msg"].removeprefix("Value error, ")
    field = Settings.model_fields.get(name)
    if field is None or not field.examples:
        return fault
    # A URL may have been given with a token inside.
    is_private = "SecretStr" in str(field.annotation) or name == "turso_database_url"
    shown = "its value" if is_private else repr(error["input"])
    return f"{name.upper()} is {shown}: {fault}; for example {name.upper()}={field.examples[0]}."
