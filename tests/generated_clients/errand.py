"""What the client that was generated in Python is asked to do: `python errand.py URL KEY FILE`.

It prints what it has found, as JSON; errand.ts does the same. The types of what it reads are the
generated ones, and are checked with them.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import TypeVar

from ilios_client import AuthenticatedClient
from ilios_client.api.documents import (
    document_list,
    document_page,
    document_result,
    document_status,
    document_submit,
)
from ilios_client.models import (
    Accepted,
    DocumentList,
    DocumentState,
    DocumentStatus,
    ListedDocument,
    PageAnswer,
    Problem,
    Result,
    ResultFormat,
    SubmitForm,
)
from ilios_client.types import File

OPEN = (DocumentState.PENDING, DocumentState.PROCESSING)
T = TypeVar("T")


def main(url: str, key: str, path: Path) -> None:
    with AuthenticatedClient(url, token=key, raise_on_unexpected_status=True) as client:
        accepted = submit(client, path)
        status = followed(client, accepted.id)
        result = Result.from_dict(json.loads(downloaded(client, status.id, ResultFormat.JSON)))
        page = answered(PageAnswer, document_page.sync(status.id, 1, client=client))
        outcome = {
            "id": accepted.id,
            "status": status.status.value,
            "pagesTotal": status.pages_total,
            "markdown": answered(str, document_result.sync(status.id, client=client)),
            "content": result.content,
            "mimeType": result.metadata.mime_type,
            "engines": [one.engine.value if one.engine else None for one in result.pages],
            "archive": base64.b64encode(downloaded(client, status.id, ResultFormat.ZIP)).decode(),
            "page": page.number,
            "listed": [shown(document) for document in listed(client)],
        }
    print(json.dumps({**outcome, "refused": refused(url)}))


def submit(client: AuthenticatedClient, path: Path) -> Accepted:
    with path.open("rb") as content:
        form = SubmitForm(
            file=File(content, path.name, "application/pdf"), priority=10, cache=False
        )
        return answered(Accepted, document_submit.sync(client=client, body=form))


def followed(client: AuthenticatedClient, document_id: str) -> DocumentStatus:
    while True:
        answer = document_status.sync(document_id, client=client, wait=30)
        status = answered(DocumentStatus, answer)
        if status.status not in OPEN:
            return status


def downloaded(client: AuthenticatedClient, document_id: str, form: ResultFormat) -> bytes:
    return document_result.sync_detailed(document_id, client=client, format_=form).content


def listed(client: AuthenticatedClient) -> list[ListedDocument]:
    answer = document_list.sync(client=client, status=DocumentState.COMPLETED, limit=50)
    return answered(DocumentList, answer).documents


def shown(document: ListedDocument) -> dict[str, object]:
    return {
        "id": document.id,
        "fileName": document.file_name,
        "fileSize": document.file_size,
        "createdAt": document.created_at.timestamp(),
    }


def refused(url: str) -> dict[str, object]:
    with AuthenticatedClient(url, token="wrong") as stranger:
        answer = document_list.sync_detailed(client=stranger)
    problem = answered(Problem, answer.parsed)
    return {
        "status": answer.status_code.value,
        "code": problem.code,
        "requestId": problem.request_id,
    }


def answered(kind: type[T], answer: object) -> T:
    """Return an answer that is of the kind. Raise TypeError for any other."""
    if not isinstance(answer, kind):
        raise TypeError(f"{answer} is no {kind.__name__}")
    return answer


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
