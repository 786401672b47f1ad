"""A service that is in order, and how a test says what it spoils of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from ilios.db.driver import sqlite
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support.api_server import Server
from tests.support.commands import Operator

IN_A_NAMESPACE = ("unshare", "--mount", "sh", "-c")


@dataclass
class Case:
    """A service without a fault, for a seed to break; the stack undoes that afterwards."""

    operator: Operator
    provider: MistralServer
    stack: ExitStack
    without_supervisor: Callable[[], Server]  #: of another data folder, and for all tests

    @property
    def folder(self) -> Path:
        return self.operator.settings.data_folder

    @property
    def database(self) -> Path:
        return self.operator.settings.database_path

    def change(self, **settings: object) -> None:
        self.operator.settings = self.operator.settings.model_copy(update=settings)

    def execute(self, statement: str) -> None:
        connection = sqlite.connect(str(self.database))
        connection.execute(statement)
        connection.commit()
        connection.close()

    def use_provider(self, **variables: str) -> None:
        self.operator.variables |= {
            "MISTRAL_API_KEY": API_KEY,
            "MISTRAL_SERVER_URL": self.provider.url,
            **variables,
        }

    def use_bucket(self, **variables: str) -> None:
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        self.stack.callback(server.stop)
        host, port = server.get_host_and_port()
        self.operator.variables |= {
            "S3_BUCKET": "documents",
            "AWS_ACCESS_KEY_ID": "key-id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
            "S3_ADDRESSING_STYLE": "path",
            **variables,
        }

    def mount(self, command: str, path: Path) -> None:
        """Run the doctor where this was mounted on the path before."""
        script = f'{command} "$1" && shift && exec "$@"'
        self.operator.prefix = (*IN_A_NAMESPACE, script, "sh", str(path))
        if subprocess.run(
            [*self.operator.prefix, "true"], check=False, capture_output=True
        ).returncode:
            pytest.skip("needs root and a mount namespace")


Seed = Callable[[Case], None]
SEEDS: list[Any] = []


def seeded(check: str, says: str, remedy: str, status: str = "error") -> Callable[[Seed], Seed]:
    """Return a fault: the check that has to find it, and the words of its finding."""

    def add(seed: Seed) -> Seed:
        name = seed.__name__.replace("_", " ")
        SEEDS.append(pytest.param(seed, check, says, remedy, status, id=name))
        return seed

    return add
