"""Every client has the right text of what it sends, or the right error in its own words."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ilios.engines.registry import EMBEDDED, MISTRAL
from tests.dialects import samples, table
from tests.dialects.clients import ClientProcess
from tests.dialects.drivers.errand import Errand
from tests.dialects.samples import Sample
from tests.dialects.services import OUTAGES, Service, Services
from tests.dialects.table import CLIENTS, Client, Trouble
from tests.support.externals import unavailable

ENGINES = (EMBEDDED, MISTRAL)
READS = [(client, kind) for client in CLIENTS for kind in client.reads]
WITH_KEYS = [client for client in CLIENTS if client.has_key]

each_client = pytest.mark.parametrize("client", CLIENTS, indirect=True, ids=str, scope="session")
each_engine = pytest.mark.parametrize("engine", ENGINES)


@each_engine
@pytest.mark.parametrize(("client", "kind"), READS, indirect=["client"], ids=str, scope="session")
def test_it_has_the_text(
    client: Client,
    kind: str,
    engine: str,
    process: ClientProcess,
    services: Services,
    documents: dict[str, Sample],
) -> None:
    service = services.of(engine, keys=client.has_key)

    outcome = process.run(_errand(service, service.key, documents[kind]))

    assert "text" in outcome, outcome
    assert documents[kind].missing_in(outcome["text"]) == [], outcome


@each_engine
@pytest.mark.parametrize("trouble", [table.CORRUPT, table.ENCRYPTED], ids=str)
@each_client
def test_it_says_what_is_wrong_with_a_document(
    client: Client,
    trouble: Trouble,
    engine: str,
    process: ClientProcess,
    services: Services,
    documents: dict[str, Sample],
) -> None:
    service = services.of(engine, keys=client.has_key)

    outcome = process.run(_errand(service, service.key, documents[trouble.name]))

    _assert_says(client, trouble, outcome)


@each_client
def test_it_says_that_the_key_is_wrong(
    client: Client, process: ClientProcess, services: Services, documents: dict[str, Sample]
) -> None:
    service = services.of(EMBEDDED, keys=True)
    wrong_key = "wrong-key" if client.has_key else ""

    outcome = process.run(_errand(service, wrong_key, documents[table.TEXT_PDF]))

    _assert_says(client, table.WRONG_KEY, outcome)


@each_engine
@pytest.mark.parametrize("client", WITH_KEYS, indirect=True, ids=str, scope="session")
def test_it_says_that_the_budget_is_spent(
    client: Client,
    engine: str,
    process: ClientProcess,
    services: Services,
    documents: dict[str, Sample],
) -> None:
    service = services.of(engine, keys=True)

    outcome = process.run(_errand(service, service.spent_key, documents[table.TEXT_PDF]))

    _assert_says(client, table.SPENT, outcome)


def test_archives_of_paperless_are_read_with_pdftotext() -> None:
    """Its driver looks for the words of the text in the archive, with whatever is there."""
    if shutil.which("pdftotext") is None:
        unavailable("no pdftotext, Debian's poppler-utils: pdfium has read the archives instead")


@each_client
def test_it_outlasts_an_outage_or_says_that_the_conversion_goes_on(
    client: Client, process: ClientProcess, services: Services, tmp_path: Path
) -> None:
    service = services.of(MISTRAL, keys=False, purpose=OUTAGES)
    sample = samples.own_of(client.name, tmp_path)

    with service.outage(may_end=client.is_patient):
        outcome = process.run(_errand(service, "", sample))

    if client.is_patient:
        assert "text" in outcome, outcome
        assert sample.missing_in(outcome["text"]) == [], outcome
    else:
        _assert_says(client, table.OUTAGE, outcome)


def _errand(service: Service, key: str, sample: Sample) -> Errand:
    return Errand(service.url, key, sample.path, sample.mime_type)


def _assert_says(client: Client, trouble: Trouble, outcome: dict[str, str]) -> None:
    assert "error" in outcome, outcome
    expected = trouble.pattern if client.shows_code else table.STATUS_ONLY
    assert re.search(expected, outcome["error"], re.IGNORECASE), outcome["error"]
