"""Batches as requests make them: of files and addresses, and of what is in archives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ilios.api.responses import serializers
from ilios.api.services import services
from ilios.documents.admission import Order
from ilios.documents.archives import is_archive
from ilios.documents.uploads import Received, RefusedFile
from ilios.documents.validation import Submitted


def accepted(
    files: Sequence[Submitted | RefusedFile], order: Order
) -> tuple[dict[str, Any], dict[str, str]]:
    """Queue documents together, and return the answer with its headers.

    Archives are unpacked first, unless the same request has created the batch before. Raises what a
    batch does, and what its archives do.
    """
    here = services()
    created = here.submissions.created_by(order.repeatable)
    if created is not None:
        batch, documents = created.batch_with_documents()
    else:
        with _wait_slot(files, order.owner), here.archives.unpacked(files, order.owner) as found:
            batch, documents = here.submissions.submit_batch(found, order)
    answer = serializers.batch_accepted(batch, documents)
    return answer, {"Location": answer["status_url"]}


def _wait_slot(
    files: Sequence[Submitted | RefusedFile], owner: str
) -> AbstractContextManager[None]:
    """Hold a slot while archives are unpacked; a batch without any waits for nothing."""
    if any(isinstance(file, Received) and is_archive(file) for file in files):
        return services().wait_slots.for_estimate(owner)
    return nullcontext()
