"""Files of the batch lane at the provider: inputs, documents that lines refer to, results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal

import httpx2
from mistralai.client import models
from mistralai.client.errors import MistralError

from ilios.core import ids
from ilios.core.conversion_errors import ProviderMisconfigured, RefusedByProvider
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.engines.mistral import errors
from ilios.engines.mistral.answer_limits import MIB
from ilios.engines.mistral.client import FILE_LIST_MAX_PAGES, FILES_PER_PAGE, Client
from ilios.engines.mistral.deadlines import Deadline

log = logs.get(__name__)

Purpose = Literal["batch", "ocr"]
"""Of a file: the input of a batch, or a document that a line of it refers to."""

PURPOSES: Final[tuple[Purpose, ...]] = ("batch", "ocr")
CALL_SECONDS: Final = 60.0
RESULTS_MAX_BYTES: Final = 16 * 1024 * MIB
"""Of one file of results: eight times the documents of the largest request."""
LOOK_BYTES: Final = 16 * MIB  #: so much is written between two looks at the room on the disk
KEPT_LONGER_HOURS: Final = 48
"""Files of a batch expire this long after its time-out, unless they are deleted before."""


class NotThere(ProviderMisconfigured):
    """404: it does not exist, yet or any more; where that cannot be, the address is wrong."""


class BatchFiles:
    """Uploads, downloads and deletes files. Every failure is a ConversionError."""

    def __init__(self, client: Client, instance_id: str, settings: Settings) -> None:
        self._client = client
        # Another prefix than that of single calls: their files are swept long before a batch ends.
        self._prefix = f"ilios-batch-{instance_id}-"
        self._expiry_hours = settings.provider_batch_timeout_hours + KEPT_LONGER_HOURS
        self._transfer_seconds = settings.job_deadline_seconds / 2

    def upload(self, batch_id: str, path: Path, purpose: Purpose, suffix: str) -> str:
        """Upload a file from the disk, under a name that ends in `suffix`; return its id."""
        self._client.require_key()
        with provider_errors(self._transfer_seconds), path.open("rb") as content:
            name = f"{self._prefix}{batch_id}-{ids.new_id()}{suffix}"
            answer = self._client.sdk.files.upload(
                file=models.File(file_name=name, content=content),
                purpose=purpose,
                expiry=self._expiry_hours,
            )
        return answer.id

    def download(self, file_id: str, path: Path, require_room: Callable[[], None]) -> bool:
        """Download a file of results to the disk; return False when the provider does not find it.

        `require_room` raises when there is no room for more. What is beyond RESULTS_MAX_BYTES is
        left out.
        """
        try:
            with (
                provider_errors(self._transfer_seconds),
                closing(self._client.sdk.files.download(file_id=file_id)) as response,
                path.open("wb") as file,
            ):
                _write_blocks(file, response.iter_bytes(), require_room)
        except NotThere:
            return False
        return True

    def delete(self, batch_id: str, file_ids: list[str]) -> None:
        """Delete these files, and all others that were uploaded for this batch."""
        self._client.require_key()
        for file_id in {*file_ids, *self._uploaded(batch_id)}:
            try:
                with provider_errors(CALL_SECONDS):
                    self._client.sdk.files.delete(file_id=file_id)
            except NotThere:
                continue
            except RefusedByProvider as error:
                log.warning("batch.file_not_deleted", file_id=file_id, reason=error.logged)

    def _uploaded(self, batch_id: str) -> list[str]:
        """Find the files of a batch by their names, also those whose id was never stored."""
        found: list[str] = []
        for purpose in PURPOSES:
            for page in range(FILE_LIST_MAX_PAGES):
                with provider_errors(CALL_SECONDS):
                    listed = self._client.sdk.files.list(
                        page=page, page_size=FILES_PER_PAGE, purpose=purpose
                    ).data
                prefix = f"{self._prefix}{batch_id}-"
                found += [file.id for file in listed if file.filename.startswith(prefix)]
                if len(listed) < FILES_PER_PAGE:
                    break
        return found


def _write_blocks(
    file: BinaryIO, blocks: Iterator[bytes], require_room: Callable[[], None]
) -> None:
    written = looked_at = 0
    for block in blocks:
        if written + len(block) > looked_at:
            require_room()
            looked_at = written + LOOK_BYTES
        written += file.write(block[: RESULTS_MAX_BYTES - written])
        if written >= RESULTS_MAX_BYTES:
            log.warning("batch.results_cut", bytes=written)
            return


@contextmanager
def provider_errors(seconds: float) -> Iterator[None]:
    """Limit the block's calls to `seconds` and turn failures into ConversionErrors.

    For calls that are never billed.
    """
    try:
        with Deadline(seconds).enforced():
            yield
    except MistralError as error:
        fault = errors.of_file_call(error)
        if error.status_code == httpx2.codes.NOT_FOUND:
            raise NotThere(fault.detail, logged=fault.logged) from error
        raise fault from error
    except httpx2.HTTPError as error:
        raise errors.of_transport(error, is_sent=False) from error
