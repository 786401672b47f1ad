"""Two databases with one instance id: the second to come to their bucket is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.cluster import bucket_owner, membership, nodes
from ilios.cluster.bucket_owner import BucketOfAnother
from ilios.cluster.compatibility import NodesIncompatible
from ilios.cluster.joining import join, require_no_cluster
from ilios.cluster.kinds import WORKERS
from ilios.cluster.nodes import Said
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.postgres.database import PostgresDatabase
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store
from tests.integration.cluster.conftest import MakeNode
from tests.postgres_server.process import PostgresServer


@pytest.fixture
def original(node: MakeNode, bucket: Mapping[str, object]) -> Settings:
    return node("host-1", **bucket)


@pytest.fixture
def copy(original: Settings, postgres_server: PostgresServer) -> Iterator[Settings]:
    """Provide a node of a copy of the database, as a restore beside it would be."""
    url = original.database_url
    assert url is not None
    name = url.get_secret_value().partition("@/")[2].partition("?")[0]
    with postgres_server.database(name) as other:
        changed = url.get_secret_value().replace(name, other)
        settings = original.model_copy(
            update={
                "database_url": SecretStr(changed),
                "data_dir": original.data_folder.parent / "host-2",
            }
        )
        data_folder.prepare(settings)
        yield settings


@pytest.fixture
def store(original: Settings) -> Iterator[ObjectStore]:
    with closing(open_store(original)) as store:
        yield store


def test_a_copy_of_the_database_is_refused_while_the_original_works(
    original: Settings, copy: Settings
) -> None:
    join(original, WORKERS)
    join(original, WORKERS)  # another node of it

    with pytest.raises(BucketOfAnother, match="stop the other service"):
        join(copy, WORKERS)


def test_a_copy_takes_over_what_has_been_silent_for_long(
    original: Settings,
    copy: Settings,
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert original.database_url is not None
    assert copy.database_url is not None
    with (
        closing(PostgresDatabase(original.database_url.get_secret_value())) as first,
        closing(PostgresDatabase(copy.database_url.get_secret_value())) as second,
    ):
        bucket_owner.claim(first, store)
        later = clock.now() + bucket_owner.LIVES_FOR + timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda: later)

        bucket_owner.require(second, store)
        bucket_owner.claim(second, store)

        with pytest.raises(BucketOfAnother):
            bucket_owner.require(first, store)


def test_a_first_start_on_a_file_with_the_bucket_of_a_cluster_is_refused(
    original: Settings, tmp_path: Path
) -> None:
    on_file = original.model_copy(
        update={"database_url": None, "node_name": None, "data_dir": tmp_path / "file"}
    )
    require_no_cluster(on_file)  # nobody works there

    join(original, WORKERS)

    with pytest.raises(BucketOfAnother, match="DATABASE_URL is not set"):
        require_no_cluster(on_file)
    data_folder.prepare(on_file)
    on_file.database_path.touch()  # it has worked before
    require_no_cluster(on_file)


def test_a_second_node_without_a_bucket_is_refused(
    original: Settings, node: MakeNode, shared: PostgresDatabase
) -> None:
    with shared.writing() as session:
        nodes.say(session, membership.identity(original, WORKERS), Said(), clock.now())

    with pytest.raises(NodesIncompatible, match="set S3_BUCKET as there"):
        join(node("host-2"), WORKERS)
    join(original.model_copy(update={"s3_bucket": None}), WORKERS)  # the same data folder
