"""Keys that nodes sign and seal with: the same on all of them."""

from __future__ import annotations

import pytest

from ilios.accounts import webhook_secrets
from ilios.cluster import joining, shared_keys
from ilios.cluster.kinds import WEB, WORKERS
from ilios.core import data_folder, key_files
from ilios.core.errors import DatabaseRefused, StartupError
from ilios.db.postgres.database import PostgresDatabase
from ilios.documents import password_sealing
from tests.integration.cluster.conftest import MakeNode
from tests.support.ending_commits import end_at_commit, let_commit


def test_what_one_node_seals_another_opens(node: MakeNode) -> None:
    first, second = node("host-1"), node("host-2")
    for one in (first, second):
        joining.join(one, WEB)

    sealed = password_sealing.password(first, "secret").sealed("d" * 24)
    found = password_sealing.opened(second, "d" * 24, sealed)

    assert found is not None
    assert found.text == "secret"
    assert webhook_secrets.instance_key(first) == webhook_secrets.instance_key(second)
    modes = {path.stat().st_mode & 0o777 for path in shared_keys.files(second).values()}
    assert modes == {0o600}


def test_the_keys_that_the_first_node_has_become_those_of_all(node: MakeNode) -> None:
    first, second = node("host-1"), node("host-2")
    own = key_files.read_or_create(data_folder.webhook_key(first), "")

    joining.join(first, WORKERS)
    joining.have_keys(second)

    assert webhook_secrets.instance_key(second) == own


def test_a_folder_with_the_key_of_another_service_is_refused(
    node: MakeNode, shared: PostgresDatabase
) -> None:
    joining.join(node("host-1"), WEB)
    stranger = node("host-2")
    key_files.read_or_create(data_folder.password_key(stranger), "")

    with pytest.raises(StartupError, match="not the one of this database") as refused:
        shared_keys.provide(stranger, shared)

    assert "DATA_DIR of its own" in refused.value.detail


def test_a_node_that_loses_the_database_as_it_joins_says_so_in_one_line(
    node: MakeNode, shared: PostgresDatabase
) -> None:
    end_at_commit(shared, "shared_keys")

    with pytest.raises(DatabaseRefused, match="start again"):
        joining.join(node("host-1"), WEB)

    let_commit(shared, "shared_keys")
    joining.join(node("host-1"), WEB)
