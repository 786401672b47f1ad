"""docs/metrics.md, the dashboard, the alert rules and the runbook speak of the same metrics."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.core.telemetry import metrics
from ilios.db.database import Database
from ilios.operations import heartbeat
from ilios.operations.cluster_beats import NodeBeat
from ilios.operations.collector import Collector, _of_nodes
from ilios.operations.heartbeat import Heartbeat
from tests.support.forking import REPOSITORY

MONITORING = REPOSITORY / "monitoring"
RULES = MONITORING / "prometheus" / "alerts.yml"
DASHBOARD = MONITORING / "grafana" / "dashboards" / "ilios.json"
DATA_SOURCES = MONITORING / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
RUNBOOK = "docs/runbook.md"
TABLE_ROW = re.compile(r"^\| `(ilios_\w+)` \| (\w+) \| (.+?) \| .+ \|$", re.MULTILINE)
NAME = re.compile(r"\bilios_\w+")
NAMED = re.compile(
    r"ilios_(http|queue|pickup|conversions?|retries|pages|cost|provider|governor|supervisor|worker"
    r"|claims|parser|storage|database|disk|replication|build|key|search|webhook|trace|node)_\w+"
)
UNITS = ("_total", "_seconds", "_bytes", "_rows", "_jobs", "_processes", "_left", "_info", "_up",
         "_state", "_paused", "_blocked", "_drained", "_documents", "_deliveries",
         "_listeners")  # fmt: skip

Described = dict[str, tuple[str, frozenset[str]]]


@pytest.fixture
def readings(settings: Settings, database: Database) -> Collector:
    """Provide the metrics of a service that has everything turned on."""
    beat = Heartbeat(1, time.monotonic(), 2, 2, 0, turso="ok")
    heartbeat.write(data_folder.supervisor_state(settings), beat)
    replicated = {
        "use_embedded_replica": True,
        "turso_database_url": "https://turso.example.com",
        "turso_auth_token": SecretStr("token"),
    }
    return Collector(settings.model_copy(update=replicated), database)


@pytest.fixture
def existing(readings: Collector) -> Described:
    """Type and labels of each metric, by the name that it is scraped under."""
    found = dict(_counted())
    beat = Heartbeat(1, time.monotonic(), 2, 2, 0)
    nodes = _of_nodes([NodeBeat("id", "host", "workers", "1.0", is_drained=False, beat=beat)])
    for family in chain(readings.collect(), nodes):
        found[family.name] = "gauge", frozenset(family.samples[0].labels)
    return found


def _counted() -> Iterator[tuple[str, tuple[str, frozenset[str]]]]:
    for instrument in vars(metrics).values():
        if isinstance(instrument, MetricWrapperBase):
            kind, name = str(instrument._type), str(instrument._name)
            suffix = "_total" if kind == "counter" else ""
            yield name + suffix, (kind, frozenset(instrument._labelnames))


def rules() -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_metric_is_documented_with_its_type_and_labels_and_no_other(
    existing: Described,
) -> None:
    text = (REPOSITORY / "docs" / "metrics.md").read_text()

    documented = {
        name: (kind, frozenset(re.sub(r": (`\w+`(, )?)+", "", labels).replace("`", "").split(", ")))
        for name, kind, labels in TABLE_ROW.findall(text)
    }

    assert {n: (k, labels - {"–"}) for n, (k, labels) in documented.items()} == existing


def test_names_say_what_they_count_and_in_which_unit(existing: Described) -> None:
    assert [name for name in existing if not NAMED.fullmatch(name)] == []
    assert [name for name in existing if not name.endswith(UNITS)] == []


@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=["alerts", "dashboard"])
def test_rules_and_panels_ask_for_metrics_that_exist(existing: Described, path: Any) -> None:
    scraped = set(existing)
    for name, (kind, _) in existing.items():
        if kind == "histogram":
            scraped |= {f"{name}_{part}" for part in ("bucket", "count", "sum")}

    assert set(NAME.findall(path.read_text())) - scraped == set()


def test_every_metric_is_on_the_dashboard(existing: Described) -> None:
    shown = DASHBOARD.read_text()

    assert [name for name in existing if name not in shown] == []


def test_every_alert_leads_to_its_section_of_the_runbook_and_no_section_is_left_over() -> None:
    headings = re.findall(r"^## (\w+)$", (REPOSITORY / RUNBOOK).read_text(), re.MULTILINE)

    links = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules()}

    assert links == {heading: f"{RUNBOOK}#{heading.lower()}" for heading in headings}
    assert [rule["alert"] for rule in rules()] == headings


def test_every_alert_says_how_bad_it_is_and_what_is_the_matter() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]


def test_panels_take_the_data_source_that_is_provisioned() -> None:
    provisioned = yaml.safe_load(DATA_SOURCES.read_text())["datasources"][0]["uid"]

    asked = [
        target["datasource"]["uid"]
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", ())
    ]

    assert set(asked) == {provisioned}
