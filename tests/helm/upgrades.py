"""What an upgrade of a release relies on: its values, and the fields that Kubernetes never changes.

`python -m tests.helm.upgrades > tests/helm/released.json` notes them, at each release of the chart.
"""

from __future__ import annotations

import json
from typing import Any, Final

import yaml

from tests.helm.chart import CHART, SETS, Object, rendered

FIXED: Final = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "Service": (),
    "ServiceAccount": (),
}
"""Kinds that an upgrade must find again under their names, with fields that it cannot change."""


def fixed(objects: list[Object]) -> dict[str, Any]:
    """Return those fields of the objects, by kind and name."""
    return {
        f"{one['kind']}/{one['metadata']['name']}": {
            field: one["spec"].get(field) for field in FIXED[one["kind"]]
        }
        for one in objects
        if one["kind"] in FIXED
    }


def main() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    sets = {
        name: {"values": yaml.safe_load(path.read_text()), "fixed": fixed(rendered(path))}
        for name, path in SETS.items()
    }
    print(json.dumps({"version": chart["version"], "sets": sets}, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
