"""Batch jobs: their requests become one batch of documents, and a file that is kept tells of them.

The file has the id of the batch, and says what each document was asked for and what its answer is
to show. With Mistral a job goes through the provider's batch lane, at half the price.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

from flask import request

from ilios.api.dialects import bodies, conversion
from ilios.api.dialects.json_bodies import JsonBody
from ilios.api.dialects.mistral import batch_lines, ocr_options, sources
from ilios.api.dialects.mistral.batch_lines import Line, Request
from ilios.api.dialects.mistral.batch_objects import ENDPOINT, PURPOSE
from ilios.api.dialects.options import Options
from ilios.api.middleware.auth import current_owner
from ilios.api.requests import idempotency, spooling
from ilios.api.services import services
from ilios.core.archive_errors import BatchRefused, FileRefusal
from ilios.core.request_errors import (
    BatchNotFound,
    Gone,
    InvalidField,
    KeptFileNotFound,
    RequestError,
)
from ilios.documents.admission import Order
from ilios.documents.kept_files import LIFETIME_MAX, KeptFile
from ilios.documents.repository import GONE
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.documents.validation import Submitted, checked_file
from ilios.engines import registry

METADATA_MAX_BYTES: Final = 16 * 1024
FILE_NAME: Final = "batch-results.jsonl"


def submit(body: JsonBody) -> tuple[KeptFile, list[dict[str, Any]]]:
    """Queue the requests of a job; return what is kept of it, and notes on its options.

    Of a job that the same request has queued before, what is kept of that. Raises BatchRefused
    with the reason of each request that is refused, InvalidField, TooManyFiles, KeptFileNotFound,
    Gone, and what a submit raises: then nothing is kept.
    """
    options = bodies.options_of(body.value)
    options.ignore("requests", "timeout_hours")
    endpoint = options.text("endpoint", ENDPOINT)
    if endpoint != ENDPOINT:
        raise InvalidField("endpoint", endpoint, ENDPOINT)
    model = options.text("model", most=ocr_options.MODEL_MAX_CHARACTERS)
    about: dict[str, Any] = {
        "input_files": _texts(options, "input_files"),
        "model": model,
        "metadata": _metadata(options),
    }
    owner = current_owner()
    if (kept := _kept_before(owner)) is not None:
        return kept, options.notes()
    with ExitStack() as opened:
        orders, lines = _read(_requests(body, about["input_files"]), model, opened)
        kept = _keep(lines, about, owner)
        try:
            batch, _ = services().submissions.submit_together(orders, kept.id)
        except BaseException:
            services().actions.delete(kept.id, owner=owner)
            raise
    if batch.id != kept.id:  # the same request was faster
        services().actions.delete(kept.id, owner=owner)
        kept = job(batch.id, owner=owner)
    return kept, options.notes()


def job(job_id: str, *, owner: str) -> KeptFile:
    """Return what is kept of a job. Raise BatchNotFound."""
    try:
        kept = services().kept_files.file(job_id, owner=owner)
    except KeptFileNotFound as error:
        raise BatchNotFound from error
    if kept.purpose != PURPOSE:
        raise BatchNotFound
    return kept


def results(kept: KeptFile, *, owner: str) -> Iterator[str]:
    """Return the lines of the results of a job. Raise BatchNotFound, BatchNotFinished."""
    here = services()
    found = here.reader.batch_results(kept.id, owner=owner)
    with here.store.open(kept.key) as stream:
        lines = batch_lines.loaded(stream.read())
    return batch_lines.answers(lines, found, here.store)


def _kept_before(owner: str) -> KeptFile | None:
    """Return what is kept of the job that the same request has queued; None for none.

    Raises Gone for one that was deleted, or has expired.
    """
    created = services().submissions.created_by(idempotency.repeatable())
    if created is None:
        return None
    batch, _ = created.batch_with_documents()
    try:
        return job(batch.id, owner=owner)
    except BatchNotFound as error:
        raise Gone(GONE) from error


def _read(
    requests: Iterator[Request], model: str | None, opened: ExitStack
) -> tuple[list[tuple[Submitted, Order]], list[Line]]:
    """Return documents with their orders, and the lines that they come from."""
    orders: list[tuple[Submitted, Order]] = []
    lines: list[Line] = []
    refused: list[FileRefusal] = []
    for one in requests:
        model = model or one.body.value.get("model") or ocr_options.LATEST  # one for all of them
        try:
            order, line = _ordered(one, model)
            file = opened.enter_context(sources.submitted(one.body))
            # Looked at here, where the request has a name: files without one are all called alike.
            checked_file(file, order, services().settings)
            orders.append((file, order))
            lines.append(line)
        except RequestError as reason:
            refused.append(FileRefusal(one.custom_id, reason))
    if refused:
        raise BatchRefused(refused)
    if not orders:
        raise InvalidField("input_files", None, "files with requests, or `requests`")
    return orders, lines


def _ordered(one: Request, model: str) -> tuple[Order, Line]:
    settings = services().settings
    sent = {**one.body.value, "model": model}
    wanted = ocr_options.wanted(Options(sent), sent, settings)
    lane = {"use_mistral_batch": True} if settings.engine_name == registry.MISTRAL else {}
    order = conversion.order(
        blocks=wanted.shown.blocks,
        is_awaited=False,
        pages=wanted.pages,
        **wanted.fields,
        **lane,
    )
    return order, Line(one.custom_id, wanted.shown, wanted.notes)


def _requests(body: JsonBody, input_files: list[str]) -> Iterator[Request]:
    """Yield the requests of the files of a job, then those in its body."""
    number = 0
    for file_id in input_files:
        kept = sources.uploaded(file_id)
        with services().store.open(kept.key) as stream, spooling.storing():
            for one in batch_lines.of_file(stream, body.new_sink, number):
                number += 1
                yield one
    yield from batch_lines.of_list(body, number)


def _keep(lines: list[Line], about: dict[str, Any], owner: str) -> KeptFile:
    here = services()
    with spooling.storing():
        sink = spooling.new_sink(
            request.environ, here.uploads, here.settings.max_file_size_bytes, here.disk_reserve
        )
        sink.write(batch_lines.dumped(lines))
        file = sink.received(FILE_NAME)
    return here.kept_files.keep(
        file,
        owner=owner,
        purpose=PURPOSE,
        lifetime=LIFETIME_MAX,
        about=about,
    )


def _texts(options: Options, name: str) -> list[str]:
    values = options.values(name)
    if len(values) > MAX_BATCH_FILES or not all(isinstance(value, str) for value in values):
        raise InvalidField(name, f"{len(values)} values", f"at most {MAX_BATCH_FILES} ids")
    return values


def _metadata(options: Options) -> dict[str, Any] | None:
    value = options.value("metadata")
    if value is None:
        return None
    if not isinstance(value, dict) or len(json.dumps(value)) > METADATA_MAX_BYTES:
        raise InvalidField("metadata", value, f"an object of at most {METADATA_MAX_BYTES} bytes")
    return value
