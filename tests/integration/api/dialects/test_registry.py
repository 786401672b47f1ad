"""Which dialects are answered in, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from ilios.api.dialects import openwebui, registry, tika
from ilios.api.dialects.azure import routes as azure
from ilios.api.dialects.docling import routes as docling
from ilios.api.dialects.mineru import routes as mineru
from ilios.api.dialects.mistral import routes as mistral
from ilios.api.dialects.unstructured import routes as unstructured
from ilios.api.middleware.auth import public
from ilios.api.responses import error_shapes
from ilios.core.settings import Settings
from ilios.core.settings.web import DIALECTS
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY

MakeApp = Callable[[Settings], Flask]
MODULES = {
    "mistral": mistral,
    "docling": docling,
    "openwebui": openwebui,
    "unstructured": unstructured,
    "tika": tika,
    "azure": azure,
    "mineru": mineru,
}


def with_dialects(make_app: MakeApp, settings: Settings, names: str) -> Caller:
    app = make_app(settings.model_copy(update={"dialects": names}))
    return Caller(app.test_client(), KEY)


def test_every_name_of_the_setting_is_a_dialect() -> None:
    assert tuple(registry.BLUEPRINTS) == DIALECTS == tuple(MODULES)
    for name, module in MODULES.items():
        assert registry.BLUEPRINTS[name] is module.BLUEPRINTS


def test_no_two_dialects_have_a_path_in_common() -> None:
    paths = [
        path for blueprints in registry.BLUEPRINTS.values() for one in blueprints
        for path in one.paths
    ]  # fmt: skip

    assert len(paths) == len(set(paths))


def test_only_the_dialects_that_are_named_answer(make_app: MakeApp, api_settings: Settings) -> None:
    some = with_dialects(make_app, api_settings, "tika")
    none = with_dialects(make_app, api_settings, "none")

    assert some.get("/tika").status_code == 200
    assert_problem(none.get("/tika"), 404, "not_found")
    for caller in (some, none):
        assert_problem(caller.put("/v1/openwebui/process", b"text"), 404, "not_found")
    tags = {
        tag
        for path in some.get("/openapi.json").get_json()["paths"].values()
        for name, operation in path.items()
        if name != "parameters"
        for tag in operation.get("tags", ())
    }
    assert "Tika" in tags
    assert "Open WebUI" not in tags


def test_the_health_of_another_service_is_not_ours(anna: Caller) -> None:
    assert anna.get("/v1/health").status_code == 404


@pytest.mark.parametrize(
    "header", ["Authorization", "X-Api-Key", "unstructured-api-key", "Ocp-Apim-Subscription-Key"]
)
def test_a_key_counts_in_every_header_that_clients_send_it_in(nobody: Caller, header: str) -> None:
    value = f"Bearer {KEY}" if header == "Authorization" else KEY

    assert nobody.get("/api/documents", headers={header: value}).status_code == 200
    assert nobody.put("/tika", b"", headers={header: value}).status_code == 400
    assert nobody.put("/tika", b"", headers={header: "wrong"}).status_code == 401


def test_a_path_without_end_is_looked_at_in_part(app: Flask) -> None:
    with app.test_request_context():
        assert error_shapes.of("/tika/" + "a/" * 100_000) is tika.blueprint.shape
        assert error_shapes.of("/" * 100_000) is None
        assert error_shapes.of("/tikas") is None
        assert error_shapes.of("") is None


def test_a_route_outside_of_its_dialect_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="not below"):
        tika.blueprint.add_url_rule("/elsewhere", "elsewhere", public(lambda: None))
