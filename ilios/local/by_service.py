"""Conversion by a service: what `ilios convert --server` does, with the client for programs."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from ilios.client import Ilios, IliosClientError, OutcomeUnknown, WaitTimeout
from ilios.client.calls import Broken, Call, Pause, Reply
from ilios.core.conversion_errors import EncryptedDocument
from ilios.core.result_forms import MARKDOWN
from ilios.engines.image_references import NAME
from ilios.local.converter import PASSWORD_HINT, NotConverted, Order
from ilios.local.inputs import Document
from ilios.local.outputs import ImageFolder

CONCURRENCY: Final = 8  #: documents at once; the service decides how many of them it converts
SHOWN: Final[dict[str, dict[str, Any]]] = {
    "json": {"include": "blocks"},
    "html": {"embedImages": True},
}
"""What a file has that stands alone: from it no link leads to the service."""
LOOK_SECONDS: Final = 2.0  #: for which an end is waited for, before a look at whether to stop


class ByService:
    """Converts documents by a service; close it.

    A stop leaves what was submitted to the service: the same command finds it there, converted.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        concurrency: int = CONCURRENCY,
        transport_options: dict[str, Any] | None = None,
    ) -> None:
        self.concurrency = concurrency
        self._stopped = threading.Event()
        self._client = _Stoppable(url, api_key, self._stopped, transport_options)

    def convert(
        self, document: Document, order: Order, images: ImageFolder | None
    ) -> Sequence[bytes]:
        """Return a result; see Converter."""
        try:
            found, document_id = self._converted(document, order)
            if order.form == MARKDOWN:
                found = self._with_images(str(found), document_id, images)
        except OutcomeUnknown as error:
            raise NotConverted(f"{error.loss} The same command finds it there.") from error
        except IliosClientError as error:
            is_locked = getattr(error, "code", None) == EncryptedDocument.code
            hint = f" {PASSWORD_HINT}" if is_locked else ""
            raise NotConverted(error.detail + hint) from error
        if isinstance(found, bytes):
            return [found]
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, indent=2)
        return [text.encode()]

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._client.close()

    def _converted(self, document: Document, order: Order) -> tuple[Any, str]:
        """Return the result of a document and its id. Raises IliosClientError."""
        options: dict[str, Any] = {
            "pages": order.pages,
            "password": order.password,
            **order.fields,
        }
        accepted = self._client.submit(
            document.path, url=document.url, file_name=document.name, **options
        )
        form: Any = order.form
        self._wait(accepted["id"])
        return self._client.result(accepted["id"], form, **SHOWN.get(form, {})), accepted["id"]

    def _wait(self, document_id: str) -> None:
        while True:
            try:
                self._client.wait_for_result(document_id, timeout=LOOK_SECONDS)
            except WaitTimeout:
                continue  # a stop ends the next question
            return

    def _with_images(self, markdown: str, document_id: str, images: ImageFolder | None) -> str:
        """Return Markdown whose links to the service are names of images, or lead to files."""
        if images is None:
            return linked(markdown, document_id)
        for name in sorted(set(_image_links(document_id).findall(markdown))):
            images.keep(name, io.BytesIO(self._client.image(document_id, name)))
        return linked(markdown, document_id, images.link)


class _Stoppable(Ilios):
    """A client that says nothing more once it is told to stop."""

    def __init__(
        self,
        url: str,
        api_key: str | None,
        stopped: threading.Event,
        transport_options: dict[str, Any] | None,
    ) -> None:
        super().__init__(url, api_key, transport_options=transport_options)
        self._stopped = stopped

    def perform(self, step: Call | Pause) -> Reply | Broken:
        if isinstance(step, Pause):
            self._stopped.wait(step.seconds)
        if self._stopped.is_set():
            raise NotConverted("It was interrupted.")
        return Reply() if isinstance(step, Pause) else super().perform(step)


def linked(markdown: str, document_id: str, address: Callable[[str], str] = str) -> str:
    """Return Markdown whose links to images at the service lead to what `address` says of each."""
    return _image_links(document_id).sub(lambda found: f"]({address(found[1])}", markdown)


def _image_links(document_id: str) -> re.Pattern[str]:
    return re.compile(rf"\]\(/api/documents/{re.escape(document_id)}/images/({NAME})(?=[\s)])")
