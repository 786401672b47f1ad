"""A whole service with the documents of two tenants, and Schemathesis against it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from ilios.accounts.keys import owner_of
from ilios.api.dialects.registry import BLUEPRINTS
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.engines.registry import MISTRAL
from tests.support.api_server import IMPATIENT, Server
from tests.support.documents import add_document
from tests.support.forking import REPOSITORY
from tests.support.sample_files import noise, pdf, picture, text
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

HOOKS: Final = REPOSITORY / "tests/support/fuzz_hooks.py"
TEMPLATE: Final = REPOSITORY / "tests/contract/fuzzing.toml"
TIMEOUT_S: Final = 120.0
ROUND_TIMEOUT_S: Final = 1800.0
KINDS: Final = ("document-ids", "batch-ids", "image-names", "cursors", "tokens")


@dataclass
class Tenant:
    """Somebody with a key; `mark` is in every name and text of his."""

    key: str
    mark: str
    known: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in KINDS})

    @property
    def ids(self) -> list[str]:
        return [*self.known["document-ids"], *self.known["batch-ids"]]


class FuzzedService:
    """gunicorn and a supervisor with the embedded engine, on one data folder."""

    def __init__(self, settings: Settings, database: Database, each: int) -> None:
        """Furnish with `each` documents of a tenant in each status; some are deleted on the way."""
        self._settings = settings
        self._database = database
        self._each = each
        self._running = ExitStack()
        with ExitStack() as starting:  # what has started ends, should something else not
            self.supervisor = SupervisorProcess(settings, "real")
            starting.callback(self.supervisor.close)
            self.server = Server(settings, IMPATIENT)  # its streams of events end soon
            starting.callback(self.server.close)
            wait_until(lambda: self.get("/readyz").ok, TIMEOUT_S)
            self._running = starting.pop_all()

    def get(self, path: str) -> requests.Response:
        return requests.get(self.server.url + path, timeout=TIMEOUT_S)

    def close(self) -> None:
        self._running.close()

    def answered(self) -> Counter[int]:
        """Count requests that the server has answered so far, by status: from its log."""
        *lines, _ = self.server.log_path.read_text().split("\n")  # the last may be half written
        return Counter(int(_STATUS.search(line)[1]) for line in lines if _ANSWERED in line)  # type: ignore[index]

    def furnish(self, tenant: Tenant) -> None:
        """Make documents of a tenant in every status, for requests to hit."""
        call = _Calls(self.server.url, tenant)
        each = range(self._each)
        made = [call.submit(*kind) for kind in call.contents().items() for _ in each]
        batches = [call.batch() for _ in each]
        offers = [call.offer() for _ in each]
        links = [call.link(made[0]), *(offer["uploadUrl"] for offer in offers)]
        cancelled, deleted = ([call.submit("text.txt", b"Gone") for _ in each] for _ in "cd")
        submitted = [*made, *cancelled, *deleted]
        wait_until(lambda: all(map(call.has_ended, submitted)), TIMEOUT_S)
        call.each("DELETE", deleted)
        waiting = [self._waiting(tenant) for _ in range(2 * self._each)]
        call.each("POST", [f"{one}/cancel" for one in waiting[: self._each]])
        known = tenant.known
        known["document-ids"] += [*made, *cancelled, *deleted, *waiting, *(o["id"] for o in offers)]
        known["batch-ids"] += batches
        known["cursors"] += call.cursors()
        known["image-names"] += call.images(made)
        known["tokens"] += [link.rpartition("/")[2] for link in links]

    def fuzz(
        self, tenant: Tenant, other: Tenant, *, seed: int, examples: int
    ) -> subprocess.CompletedProcess[str]:
        """Send what Schemathesis thinks of, as a tenant who also knows the other's ids."""
        config = self._settings.data_folder / "fuzzing.toml"
        config.write_text(
            TEMPLATE.read_text() + "\n".join((*_leniency(), *_dictionaries(tenant, other)))
        )
        return subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "--no-color",
             "run", f"{self.server.url}/openapi.json",
             "--seed", str(seed), "--max-examples", str(examples), "--no-shrink"],
            cwd=self._settings.data_folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(REPOSITORY),
                "FUZZ_HOOKS": str(HOOKS),
                "FUZZ_KEY": tenant.key,
                "FUZZ_FOREIGN_MARK": other.mark,
                "FUZZ_FOREIGN_IDS": " ".join(other.ids),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=ROUND_TIMEOUT_S,
        )  # fmt: skip

    def _waiting(self, tenant: Tenant) -> str:
        """Submit a document that waits: no worker serves its lane."""
        owner = owner_of(tenant.key)
        return add_document(self._database, settings=self._settings, owner=owner, lane=MISTRAL)[0]


_ANSWERED = "request.answered"
_STATUS = re.compile(r"status\W+(\d{3})")


class _Calls:
    """The requests that furnish a tenant."""

    def __init__(self, url: str, tenant: Tenant) -> None:
        self._url, self._mark = url, tenant.mark
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {tenant.key}"

    def contents(self) -> dict[str, bytes]:
        """Return contents by file name: one with an image, and one that fails, among them."""
        return {
            "text.txt": f"Words {self._mark}".encode(),
            "figure.pdf": pdf(text(self._mark) + picture(72, 300, 200, 200), image=noise(64, 64)),
            "broken.pdf": f"%PDF-1.7 {self._mark}".encode(),
        }

    def submit(self, name: str, content: bytes) -> str:
        file = (f"{self._mark}-{name}", content)
        form = {"cache": "false"}
        return str(
            self._ask("POST", "/api/documents/submit", files={"file": file}, data=form)["id"]
        )

    def batch(self) -> str:
        files = [("files", (f"{self._mark}-{n}.txt", f"{n} {self._mark}".encode())) for n in "ab"]
        return str(self._ask("POST", "/v1/batch/submit", files=files)["batchId"])

    def offer(self) -> dict[str, Any]:
        offer = {"fileName": f"{self._mark}.txt", "fileSize": 5}
        return self._ask("POST", "/api/documents/upload-url", json=offer)

    def link(self, document_id: str) -> str:
        path = f"{self._url}/api/documents/{document_id}/original"
        return self._session.get(path, allow_redirects=False).headers["Location"]

    def has_ended(self, document_id: str) -> bool:
        status = self._ask("GET", f"/api/documents/status/{document_id}")["status"]
        return status not in {"pending", "processing"}

    def each(self, method: str, paths: Iterable[str]) -> None:
        for path in paths:
            self._ask(method, f"/api/documents/{path}")

    def cursors(self) -> list[str]:
        return [self._ask("GET", f"/api/documents?limit={n}")["nextCursor"] for n in (1, 3)]

    def images(self, documents: Iterable[str]) -> list[str]:
        texts = [self._session.get(f"{self._url}/api/documents/{one}").text for one in documents]
        return sorted({name for text in texts for name in re.findall(r"/images/([^)\s]+)", text)})

    def _ask(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        answer = self._session.request(method, self._url + path, timeout=TIMEOUT_S, **sent)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found


def _leniency() -> Iterable[str]:
    """Provide the paths at which what nobody knows is ignored, not refused."""
    for path in sorted(
        path for blueprints in BLUEPRINTS.values() for one in blueprints for path in one.paths
    ):
        yield f"\n[[operations]]\ninclude-path-regex = {json.dumps(f'^{re.escape(path)}(/|$)')}"
        yield "checks.negative_data_rejection.enabled = false"


def _dictionaries(*tenants: Tenant) -> Iterable[str]:
    """Provide the configuration's last part: what both tenants have, less the other's links."""
    for kind in KINDS:
        owners = tenants[:1] if kind == "tokens" else tenants
        values = [value for tenant in owners for value in tenant.known[kind]]
        yield f"\n[dictionaries.{kind}]\nvalues = {json.dumps(values)}"
