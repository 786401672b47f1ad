"""A service under load: each panel has data, and each fault fires its alert within one scrape."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.mistral_server.samples import pdf
from tests.monitoring.conftest import Watched
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_until

DASHBOARD = REPOSITORY / "monitoring" / "grafana" / "dashboards" / "ilios.json"
VARIABLES = {"$__rate_interval": "30s", "$instance": ".*"}
OF_NODES = "ilios_node_"  #: begins what only a cluster on PostgreSQL counts, which this is not
PANEL_TIMEOUT_S = 90.0
FAULT_TIMEOUT_S = 60.0
ONE_SCRAPE_S = 2.0  #: the next scrape and the next evaluation, each a second away at most
ALWAYS_FIRING = {"IliosReplicationFails", "IliosReplicationLags"}  #: the replica is not there
FILL_BYTES = 300 * 2**20


def queries() -> list[str]:
    """Return the queries of panels of one node, with Grafana's variables filled in."""
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    for name, value in VARIABLES.items():
        found = [query.replace(name, value) for query in found]
    return [query for query in found if not query.startswith(OF_NODES)]


def has_data(watched: Watched, query: str) -> bool:
    values = [float(series["value"][1]) for series in watched.prometheus.query(query)]
    return any(not math.isnan(value) for value in values)


def test_every_query_of_every_panel_has_data_while_documents_are_converted(
    watched: Watched, load: None
) -> None:
    left = queries()

    def all_have_data() -> bool:
        left[:] = [query for query in left if not has_data(watched, query)]
        return not left

    try:
        wait_until(all_have_data, PANEL_TIMEOUT_S)
    except TimeoutError:
        pytest.fail(f"no data: {left}")


def let_the_provider_fail(watched: Watched) -> None:
    watched.provider.control(faults=[{"on": "ocr", "status": 500}])
    for number in range(12):
        watched.submit("scan.pdf", pdf(f"Hopeless {number}"))


def kill_a_worker(watched: Watched) -> None:
    watched.worker().send_signal(signal.SIGKILL)


def fill_the_disk(watched: Watched) -> None:
    with (watched.volume() / "filling").open("wb") as file:
        file.write(bytes(FILL_BYTES))


def leave_the_replica_behind(watched: Watched) -> None:
    """Check that it does: since the first document."""
    watched.submit("page.html", b"<h1>Left behind</h1>")


FAULTS: dict[str, tuple[Callable[[Watched], None], str]] = {
    "IliosReplicationLags": (leave_the_replica_behind, "ilios_replication_lag_seconds > 5"),
    "IliosReplicationFails": (leave_the_replica_behind, "ilios_replication_up == 0"),
    "IliosWorkerDied": (kill_a_worker, "ilios_worker_restarts_total > 0"),
    "IliosDiskFull": (fill_the_disk, "ilios_disk_free_bytes < 2^30"),
    "IliosProviderFails": (let_the_provider_fail, 'ilios_governor_state{state="paused"} == 1'),
}


@pytest.mark.parametrize("alert", FAULTS)
def test_a_fault_fires_its_alert_within_one_scrape(watched: Watched, alert: str) -> None:
    fault, symptom = FAULTS[alert]
    assert alert in ALWAYS_FIRING or alert not in watched.prometheus.firing()

    fault(watched)

    wait_until(lambda: alert in watched.prometheus.firing(), FAULT_TIMEOUT_S)
    fired_at = watched.prometheus.first_seen(f'ALERTS{{alertname="{alert}",alertstate="firing"}}')
    assert fired_at - watched.prometheus.first_seen(symptom) <= ONE_SCRAPE_S
