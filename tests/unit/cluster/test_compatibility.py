"""Which nodes may work beside each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ilios.cluster.compatibility import NodesIncompatible, require_beside
from ilios.cluster.nodes import Identity
from ilios.db.models.cluster import Node

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ME = Identity("a" * 24, "web", "web-1", "host-1", "2.0.0", NOW, 7, 6)


def other(**columns: object) -> Node:
    return Node.detached(
        {
            "id": "b" * 24,
            "kind": "workers",
            "name": "worker-1",
            "host": "host-2",
            "version": "1.9.0",
            "compatibility": 7,
            "least_compatible": 6,
            **columns,
        }
    )


def test_versions_next_to_each_other_work_together() -> None:
    require_beside([other(), other(compatibility=6, least_compatible=5)], ME)
    require_beside([other(compatibility=8, least_compatible=7)], ME)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"compatibility": 5, "least_compatible": 4}, "update it to the version in between"),
        ({"compatibility": 9, "least_compatible": 8}, "start that version here"),
    ],
)
def test_versions_too_far_from_each_other_are_refused_by_name(
    columns: dict[str, object], says: str
) -> None:
    with pytest.raises(NodesIncompatible, match=says) as refused:
        require_beside([other(**columns)], ME)

    assert "worker-1 (workers)" in refused.value.detail
    assert "1.9.0" in refused.value.detail


def test_a_copied_data_folder_is_refused_and_one_that_was_started_again_is_not() -> None:
    same = {"id": ME.id, "kind": ME.kind}
    require_beside([other(**same, host=ME.host)], ME)
    require_beside([other(id=ME.id)], replace(ME))  # its workers, beside its web processes

    with pytest.raises(NodesIncompatible, match="node-id"):
        require_beside([other(**same)], ME)
