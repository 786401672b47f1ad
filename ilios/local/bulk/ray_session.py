"""Ray for one run: one of its own on this machine, or a cluster that somebody runs.

One of its own has nothing but this machine's loopback, tells nobody of its use, asks for a secret
that it has drawn itself, and ends with the run, whatever ends that. Its files lie in a temporary
folder; what a killed run left there is removed by the next one.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from ilios.core import durable_files
from ilios.core.errors import StartupError
from ilios.local.bulk.folders import RANDOM_CHARACTERS, own_folder

LOOPBACK: Final = "127.0.0.1"
PREFIX: Final = f"ilios-ray-{os.getuid()}-"
CONNECT_SECONDS: Final = 10.0  #: for which the host of a cluster may say nothing
START_SECONDS: Final = 180.0  #: for which Ray may start here, on a machine that is busy
POLL_SECONDS: Final = 0.2
CHECK_SECONDS: Final = 10.0  #: between two looks whether it is still there
TOKEN: Final = "token"  # noqa: S105  # the name of a file
WITHOUT: Final = ("RAY_ADDRESS", "RAY_AUTH_TOKEN")  #: variables that would name another Ray
RAYS: Final = "r"  #: the folder that Ray has, and opens to everybody, within one that is ours alone
LONGEST_FOLDER: Final = 39  #: characters of it, for Ray makes sockets far below
SHORT: Final = "/tmp"  # noqa: S108  # where a folder of its own is made
OBJECTS_BYTES: Final = 128 * 1024 * 1024  #: of shared memory; messages are all that passes
QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "",  # to which it would report that it reports nothing
    "RAY_enable_metrics_collection": "0",
}
"""In any case: nothing is told to anybody."""
PATIENT: Final = {
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
    "RAY_gcs_server_port_wait_time_s": "120",
    "RAY_health_check_failure_threshold": "10",
    "RAY_health_check_period_ms": "10000",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_worker_register_timeout_seconds": "300",
}
"""Of one machine alone: one that is busy is not taken for one that is gone."""


@contextmanager
def own(cores: int) -> Iterator[None]:
    """Run Ray on this machine, with so many cores. Raises StartupError."""
    with own_folder(PREFIX, _place()) as folder, _environment(_variables(folder), WITHOUT):
        durable_files.create(folder / TOKEN, token_hex(32).encode())
        with _patience():
            _init(
                address="local",
                num_cpus=cores,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=OBJECTS_BYTES,
                _node_ip_address=LOOPBACK,
                _temp_dir=str(folder / RAYS),
            )
        try:
            yield
        finally:
            _shutdown()


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Use a cluster. Raises StartupError for one that cannot be reached."""
    _require_host(address)
    with _environment(QUIET):
        _init(address=address)
        try:
            yield
        finally:
            _shutdown()


def cores() -> int:
    """Return how many cores the session has; 1 if it has none yet."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 0)))


def _variables(folder: Path) -> dict[str, str]:
    """Return the environment of a Ray whose files lie in a folder."""
    return {
        **QUIET,
        **PATIENT,
        # Else Ray asks the system for an address of this machine, and listens on all.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / TOKEN),
        "TMPDIR": str(folder),  # of the workers: goes with the rest
    }


@contextmanager
def _patience() -> Iterator[None]:
    """Let Ray wait for its own start: it gives up after 30 s, however busy the machine is.

    It asks whether it has started until then, by a function that is replaced by one that waits.
    """
    from ray._private import services

    is_there = getattr(services, "get_node", None)
    if is_there is None:  # a later Ray
        yield
        return
    until = time.monotonic() + START_SECONDS

    def waited(*arguments: Any) -> Any:
        while True:
            try:
                return is_there(*arguments)
            except RuntimeError:
                if time.monotonic() > until:
                    raise
            time.sleep(POLL_SECONDS)

    services.get_node = waited
    try:
        yield
    finally:
        services.get_node = is_there


def _require_host(address: str) -> None:
    """Raise StartupError where nothing listens at `host:port`: Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise StartupError(
            f"Ray cannot be used: nothing answers at {address} ({error}). Start a cluster there, "
            "give the address of its head node, or leave --address out."
        ) from error


def _init(**options: Any) -> None:
    import ray

    try:
        ray.init(logging_level=logging.CRITICAL, log_to_driver=False, **options)
    except Exception as error:  # of many classes
        ray.shutdown()
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise StartupError(f"Ray cannot be used: {first[0]}") from error


def _shutdown() -> None:
    import ray

    ray.shutdown()


@contextmanager
def _environment(variables: dict[str, str], without: tuple[str, ...] = ()) -> Iterator[None]:
    """Set variables of this process, which Ray's own inherit, and set them back."""
    before = {name: os.environ.get(name) for name in (*variables, *without)}
    os.environ.update(variables)
    for name in without:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _place() -> str:
    """Return where a folder can be: the names of Ray's sockets below it must be short."""
    place = tempfile.gettempdir()
    longest = Path(place, f"{PREFIX}{'x' * RANDOM_CHARACTERS}", RAYS)
    return place if len(str(longest)) <= LONGEST_FOLDER else SHORT
