"""Breaks a whole service at random under steady load: `make chaos MINUTES=10 RATE=5 SEED=1`.

start.sh with gunicorn, supervisor and workers, the provider's stand-in and a bucket over TLS, both
behind faulty proxies; with `--cluster` two web and three worker hosts, PostgreSQL on two, provider
and bucket, each a network namespace. What is killed is started again, as a platform does. In the
end everything that was acknowledged has to be accounted for; the exit code is 1 if something is
not.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import func, select

from ilios.core.settings import Settings
from ilios.db.models import Document
from tests.chaos.cluster_faults import ClusterChaos
from tests.chaos.faults import Chaos
from tests.chaos.load import Load
from tests.chaos.verdict import verdict
from tests.hosts.cluster import Cluster, cluster
from tests.hosts.network import missing
from tests.support.breaking import Customer, broken
from tests.support.buckets import ACCESS_KEY_ID, bucket_server, make_bucket
from tests.support.faulty_proxy import FaultyProxy
from tests.support.migrating import upgrade
from tests.support.soundness import all_ended
from tests.support.tls import make_certificate
from tests.support.waiting import wait_until

SECRET = "secret"
BUCKET = "documents"
END_TIMEOUT_S = 900.0  #: also of a cluster, whose leases have to run out, on a busy machine
REPORT_SECONDS = 60.0
Breaking = Callable[[int], Chaos | ClusterChaos]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=5, help="documents a second")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    parser.add_argument("--cluster", action="store_true", help="on several hosts; needs root")
    parser.add_argument("--keep", action="store_true", help="keep the folder, logs included")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="ilios-chaos-"))
    begin = _start_cluster if options.cluster else _start
    with ExitStack() as stack:
        if not options.keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        customer, break_things = begin(stack, folder)
        load = Load(customer, options.rate, options.seed)
        chaos = break_things(options.seed)
        _run(options.minutes * 60, load, chaos)
        chaos.stop()
        calm_at = time.monotonic()
        load.stop()
        found = [*chaos.failures, *_account(customer)]
        _report(customer, load, chaos, time.monotonic() - calm_at)
    for violation in found:
        print(f"VIOLATION: {violation}")
    print(f"{verdict(found)}; seed {options.seed}; {folder if options.keep else ''}")
    return 1 if found else 0


def _start_cluster(stack: ExitStack, folder: Path) -> tuple[Customer, Breaking]:
    if reason := missing():
        sys.exit(f"no cluster: {reason}")
    customer = stack.enter_context(cluster(folder, call_deadline_seconds=5))
    service = customer.service
    assert isinstance(service, Cluster)
    return customer, lambda seed: ClusterChaos(customer, service, seed)


def _start(stack: ExitStack, folder: Path) -> tuple[Customer, Breaking]:
    certificate = make_certificate(folder)
    os.environ["AWS_CA_BUNDLE"] = str(certificate.certificate)
    endpoint = stack.enter_context(bucket_server(certificate))
    make_bucket(endpoint, BUCKET, SECRET)
    bucket = stack.enter_context(FaultyProxy(urlsplit(endpoint).port or 0))
    empty = Settings(data_dir=folder / "empty")
    upgrade(empty)
    subject = stack.enter_context(
        broken(
            folder,
            empty.database_path,
            {"AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"]},
            split_pages=10,
            s3_bucket=BUCKET,
            aws_access_key_id=SecretStr(ACCESS_KEY_ID),
            aws_secret_access_key=SecretStr(SECRET),
            aws_endpoint_url_s3=f"https://127.0.0.1:{bucket.port}",
        )
    )
    return subject, lambda seed: Chaos(subject, bucket, seed)


def _run(seconds: float, load: Load, chaos: Chaos | ClusterChaos) -> None:
    begun = time.monotonic()
    while (left := begun + seconds - time.monotonic()) > 0:
        time.sleep(min(left, REPORT_SECONDS))
        print(
            f"{(time.monotonic() - begun) / 60:5.1f} min: {load.sent} documents sent, "
            f"{chaos.kills.total()} kills, {chaos.spells.total()} spells of weather",
            flush=True,
        )


def _account(customer: Customer) -> list[str]:
    try:
        wait_until(lambda: all_ended(customer.place.database), END_TIMEOUT_S)
        customer.service.wait_until_ready(END_TIMEOUT_S)
        customer.convert()
    except TimeoutError as error:
        return [f"it does not come to rest: {error}", *_still_open(customer)]
    return [*customer.violations(), *customer.service.doctor()]


def _still_open(customer: Customer) -> list[str]:
    with customer.place.database.reading() as session:
        rows = session.execute(select(Document.status, func.count()).group_by(Document.status))
        return [f"{count} documents are {status.value}" for status, count in rows]


def _report(
    customer: Customer, load: Load, chaos: Chaos | ClusterChaos, rest_seconds: float
) -> None:
    with customer.place.database.reading() as session:
        ends = Counter(
            row.error_code or row.status.value
            for row in session.execute(select(Document.status, Document.error_code))
        )
    print(f"kills: {chaos.kills.total()} {dict(chaos.kills)}")
    print(f"weather: {chaos.spells.total()} {dict(chaos.spells)}")
    print(f"service started {customer.service.starts} times")
    print(f"documents: {load.sent} sent, {load.given_up} never acknowledged, ended {dict(ends)}")
    print(f"at rest {rest_seconds:.1f} s after the last fault")


if __name__ == "__main__":
    sys.exit(main())
