"""Settings of traces: the variables of OpenTelemetry, by their names and meaning there.

What else its exporter reads from the environment (certificates, compression) is in docs/tracing.md.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, SecretStr

from ilios.core.settings.fields import HttpUrl, SubjectSettings, setting

DEFAULT_ENDPOINT: Final = "http://localhost:4318"
TRACES_PATH: Final = "/v1/traces"
Protocol = Literal["http/protobuf"]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]


def pairs(text: str) -> dict[str, str]:
    """Return the names and values of a list such as `a=1,b=2`. Raise ValueError for what is none.

    Both are percent-decoded.
    """
    found = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, sign, value = (unquote(part.strip()) for part in item.partition("="))
        if not (name and sign) or not (name + value).isprintable():
            raise ValueError("must be a list such as name=value,other=value, percent-encoded")
        found[name] = value
    return found


def _headers(value: SecretStr) -> SecretStr:
    if not all(f"{name}{text}".isascii() for name, text in pairs(value.get_secret_value()).items()):
        raise ValueError("must be ASCII, for it travels in headers")
    return value


def _attributes(value: str) -> str:
    pairs(value)
    return value


Headers = Annotated[SecretStr, AfterValidator(_headers)]
ResourceAttributes = Annotated[str, AfterValidator(_attributes)]


class TracingSettings(SubjectSettings):
    """Where traces are sent, if anywhere, and which."""

    otel_sdk_disabled: bool = setting(False, "`true`: no traces, whatever else is set", "true")
    otel_traces_exporter: Literal["otlp", "none"] | None = setting(
        None, "`otlp` sends traces, `none` does not; unset: sent if an endpoint is set", "otlp"
    )
    otel_exporter_otlp_endpoint: HttpUrl | None = setting(
        None, "Base of the collector's OTLP over HTTP", "http://collector:4318"
    )
    otel_exporter_otlp_traces_endpoint: HttpUrl | None = setting(
        None, "Whole URL that traces are sent to", "http://collector:4318/v1/traces"
    )
    otel_exporter_otlp_protocol: Protocol = setting(
        "http/protobuf", "How traces are sent", "http/protobuf"
    )
    otel_exporter_otlp_traces_protocol: Protocol | None = setting(
        None, "The same, for traces alone", "http/protobuf"
    )
    otel_exporter_otlp_headers: Headers | None = setting(
        None, "Headers for the collector, such as its key", "x-api-key=xxx"
    )
    otel_exporter_otlp_traces_headers: Headers | None = setting(
        None, "The same, for traces alone", "x-api-key=xxx"
    )
    otel_exporter_otlp_timeout: int = setting(
        10_000, "Time for one export with its repetitions, in milliseconds", "10000",
        ge=1, le=60_000,
    )  # fmt: skip
    otel_exporter_otlp_traces_timeout: int | None = setting(
        None, "The same, for traces alone", "10000", ge=1, le=60_000
    )
    otel_traces_sampler: Sampler = setting(
        "parentbased_always_on", "Which traces are recorded", "parentbased_traceidratio"
    )
    otel_traces_sampler_arg: float | None = setting(
        None, "Share that the samplers by ratio record", "0.1", ge=0, le=1
    )
    otel_bsp_schedule_delay: int = setting(
        5000, "Time between two exports, in milliseconds", "5000", ge=100, le=60_000
    )
    otel_bsp_max_queue_size: int = setting(
        2048, "Spans of a process that wait to be sent; others are dropped", "2048",
        ge=1, le=65_536,
    )  # fmt: skip
    otel_bsp_max_export_batch_size: int = setting(
        512, "Spans of one export", "512", ge=1, le=65_536
    )
    otel_service_name: str | None = setting(
        None, "`service.name` of the spans; unset: that of OTEL_RESOURCE_ATTRIBUTES, else ilios",
        "ilios-staging",
    )  # fmt: skip
    otel_resource_attributes: ResourceAttributes = setting(
        "", "What else is said of this service", "deployment.environment.name=staging"
    )

    @property
    def traces_endpoint(self) -> str | None:
        """The URL that traces are sent to; None if they are not recorded."""
        base, whole = self.otel_exporter_otlp_endpoint, self.otel_exporter_otlp_traces_endpoint
        is_asked_for = self.otel_traces_exporter == "otlp" or base or whole
        if self.otel_sdk_disabled or self.otel_traces_exporter == "none" or not is_asked_for:
            return None
        return whole or f"{base or DEFAULT_ENDPOINT}{TRACES_PATH}"

    @property
    def traces_headers(self) -> dict[str, str]:
        """What is sent with each export."""
        headers = self.otel_exporter_otlp_traces_headers or self.otel_exporter_otlp_headers
        return pairs(headers.get_secret_value()) if headers else {}

    @property
    def traces_timeout_seconds(self) -> float:
        timeout_ms = self.otel_exporter_otlp_traces_timeout or self.otel_exporter_otlp_timeout
        return timeout_ms / 1000
