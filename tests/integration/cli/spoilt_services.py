"""Providers, ports and services with one thing wrong."""

from __future__ import annotations

import socket

from tests.integration.cli.cases import Case, seeded
from tests.support.api_server import free_port

# --- the provider ---


@seeded("Mistral", "MISTRAL_API_KEY is not set", "Set it")
def mistral_without_a_key(case: Case) -> None:
    case.use_provider(OCR_ENGINE="mistral", MISTRAL_API_KEY="")


@seeded("Mistral", "refuses MISTRAL_API_KEY (401)", "Set a valid key")
def a_key_that_the_provider_refuses(case: Case) -> None:
    case.use_provider(MISTRAL_API_KEY="wrong")


@seeded("Mistral", "asks for a payment (402)", "Enable billing")
def an_account_that_has_to_pay_first(case: Case) -> None:
    case.provider.control(account=402)
    case.use_provider()


@seeded("OCR model", "has no model 'mistral-ocr-1999'", "mistral-ocr-latest")
def a_model_that_does_not_exist(case: Case) -> None:
    case.use_provider(OCR_MODEL="mistral-ocr-1999")


@seeded("Mistral", "no OCR API at MISTRAL_SERVER_URL", "Set the address of the Mistral API")
def an_address_that_is_not_the_providers(case: Case) -> None:
    case.use_provider(MISTRAL_SERVER_URL=f"{case.provider.url}/elsewhere")


@seeded("Mistral", "cannot be reached", "network")
def a_provider_that_is_not_there(case: Case) -> None:
    case.use_provider(MISTRAL_SERVER_URL=f"http://127.0.0.1:{free_port()}")


@seeded("Mistral", "takes no more calls for now", "Wait", "warning")
def a_provider_that_takes_no_more_calls(case: Case) -> None:
    case.provider.control(faults=[{"on": "models", "status": 429}])
    case.use_provider()


@seeded("Mistral", "is out of order (503)", "status page")
def a_provider_that_is_out_of_order(case: Case) -> None:
    case.provider.control(faults=[{"on": "models", "status": 503}])
    case.use_provider()


@seeded("clock", "behind the provider's", "Set the clock")
def a_clock_that_is_slow(case: Case) -> None:
    case.provider.control(clock_ahead_s=600)
    case.use_provider()


@seeded("clock", "ahead of the provider's", "Set the clock", "warning")
def a_clock_that_is_fast(case: Case) -> None:
    case.provider.control(clock_ahead_s=-120)
    case.use_provider()


# --- Turso ---


@seeded("Turso", "cannot be reached", "Check TURSO_DATABASE_URL and the network")
def a_turso_that_is_not_there(case: Case) -> None:
    case.operator.variables |= {
        "USE_EMBEDDED_REPLICA": "true",
        "TURSO_DATABASE_URL": f"http://127.0.0.1:{free_port()}",
        "TURSO_AUTH_TOKEN": "token",
    }


# --- the service ---


@seeded("port", "taken by another program", "set PORT to a free one")
def a_port_that_is_taken(case: Case) -> None:
    case.stack.enter_context(socket.create_server(("127.0.0.1", case.operator.settings.port)))


@seeded("service", "supervisor does not answer", "restart it")
def a_service_without_its_supervisor(case: Case) -> None:
    case.operator.settings = case.without_supervisor().settings


@seeded("service", "nothing answers /health", "PORT")
def a_service_on_another_port(case: Case) -> None:
    case.operator.settings = case.without_supervisor().settings
    case.change(port=free_port())


@seeded("port", "an Ilios with another data folder", "set PORT to a free one")
def a_port_of_another_ilios(case: Case) -> None:
    case.change(port=case.without_supervisor().settings.port)
