"""Conversions for a dialect: what `/v1/convert` and a submit do, with options that it has read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

from ilios.api import immediate
from ilios.api.middleware.auth import current_owner
from ilios.api.requests.options import order_of
from ilios.api.schemas.requests import BLOCKS
from ilios.api.services import services
from ilios.core.immediate_errors import ConversionFailed
from ilios.core.request_errors import DocumentFailed
from ilios.documents.admission import OPERATION_IMMEDIATE, Order
from ilios.documents.queries import Result
from ilios.documents.snapshots import Snapshot
from ilios.documents.uploads import Received
from ilios.engines.base import Options
from ilios.engines.page_selection import PageSelection
from ilios.queue.jobs import MAX_PRIORITY

FILES_MAX: Final = 10  #: of one request that waits for all of them
waits = immediate.with_wait_slot()
"""Decorates a view that waits: it holds one slot from before its body is read to its answer."""


def order(*, blocks: bool = False, is_awaited: bool = True, **fields: Any) -> Order:
    """Return the order of the present request's key, by the names of fields in forms.

    Such as `pages` (a PageSelection), `model`, `include_images`, `retention_days`. What somebody
    waits for goes before what is queued. Raise OptionUnavailable for what the engine lacks.
    """
    form = {"model": None, **fields}
    if blocks:
        form["include"] = BLOCKS
    fixed: dict[str, Any] = {}
    if is_awaited:
        fixed = {"priority": MAX_PRIORITY, "operation": OPERATION_IMMEDIATE}
    return order_of(form, current_owner(), services().settings, **fixed)


def selection(
    file: Received, options: Options, first: int, last: int, *, is_awaited: bool = True
) -> PageSelection | None:
    """Return the pages of a file from `first` to `last`, as far as there are such; None for all.

    Pages count from 1, and those of the file are counted first. Raise PagesOutOfRange when the
    first is behind the end, and what an estimate raises. A view that `waits` holds a slot already.
    """
    owner, here = current_owner(), services()
    slot = nullcontext() if is_awaited else here.wait_slots.for_estimate(owner)
    with slot:
        found = here.estimates.estimate(owner, file, options, provider_batch=False)
    selected = PageSelection(((first, max(first, min(last, found.pages_total))),))
    selected.indexes(found.pages_total)  # raises PagesOutOfRange
    return None if selected.page_count == found.pages_total else selected


def submit(file: Received, wanted: Order) -> Snapshot:
    """Queue a document, and return it as it is then: it may have its result already."""
    return services().submissions.submit(file, wanted)


def submitted_before(wanted: Order) -> Snapshot | None:
    """Return the document that the same request has queued before; None for none.

    For a view whose file need not be there any more.
    """
    created = services().submissions.created_by(wanted.repeatable)
    return None if created is None else created.documents[0]


def convert(file: Received, wanted: Order) -> Result:
    """Queue a document and wait for its result. The view is decorated with `waits`.

    The same bytes with the same order join the conversion under way. Raises what `submit` raises,
    ConversionFailed, and StillRunning when the wait ends first.
    """
    return immediate.wait_for_result(submit(file, wanted), wanted.owner)


def convert_all(files: Sequence[tuple[Received, Order]]) -> list[Result]:
    """Queue documents, all or none, and wait for all results, as long as for one; see `convert`."""
    begun = time.monotonic()
    queued = services().submissions.submit_all(files)
    owner = current_owner()
    return [immediate.wait_for_result(document, owner, begun) for document in queued]


def result_of(document_id: str) -> Result:
    """Return the result of a document of the present key.

    Raises DocumentNotFound, DocumentNotReady, DocumentCancelled, ConversionFailed with the
    document's own code.
    """
    owner = current_owner()
    try:
        return services().reader.result(document_id, owner=owner)
    except DocumentFailed as error:
        raise failure_of(document_id) from error


def failure_of(document_id: str) -> ConversionFailed:
    """Return the error of a document of the present key that has failed."""
    return immediate.failure_of(document_id, current_owner())
