"""Answers of a deprecated route say so, in the words of RFC 9745 and RFC 8594."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from ilios.api.application import Application
from ilios.api.middleware import deprecations
from ilios.api.middleware.deprecations import Deprecation
from ilios.core.telemetry import metrics

OLD = Deprecation(
    datetime(2026, 12, 1, tzinfo=UTC),
    datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC),
    "https://example.org/stability",
)


@pytest.fixture
def client() -> FlaskClient:
    app = Application("test")
    deprecations.register(app, {"GET /old/<name>": OLD})
    app.add_url_rule("/old/<name>", "old", lambda name: name, methods=["GET", "POST"])
    app.add_url_rule("/new", "new", lambda: "new")
    return app.test_client()


def counted() -> float:
    return float(metrics.HTTP_DEPRECATED_REQUESTS.labels("GET", "/old/<name>")._value.get())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_deprecated_route_says_since_when_and_until_when_and_is_counted(
    client: FlaskClient, method: str
) -> None:
    before = counted()

    headers = client.open("/old/a", method=method).headers

    assert headers["Deprecation"] == "@1796083200"
    assert headers["Sunset"] == "Wed, 30 Jun 2027 23:59:59 GMT"
    assert headers["Link"] == (
        '<https://example.org/stability>; rel="deprecation"; type="text/html"'
    )
    assert counted() == before + 1


@pytest.mark.parametrize(("method", "path"), [("POST", "/old/a"), ("GET", "/new"), ("GET", "/x")])
def test_other_routes_say_nothing(client: FlaskClient, method: str, path: str) -> None:
    before = counted()

    headers = client.open(path, method=method).headers

    assert not {"Deprecation", "Sunset", "Link"} & set(headers.keys())
    assert counted() == before
