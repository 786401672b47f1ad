"""Documents that are fetched from an address, as they are submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilios.core import ids
from ilios.documents.admission import Order, columns
from ilios.engines.detection.media_types import UNKNOWN
from ilios.outbound.addresses import Address


@dataclass(frozen=True, slots=True)
class Remote:
    """A document at an address that the guard has let pass."""

    address: Address
    given_name: str | None = None  #: by the client; else the server or the address names it
    size_bytes: int = 0  #: not known yet

    @property
    def file_name(self) -> str:
        """What it is called until it is fetched."""
        return self.given_name or self.address.file_name


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """A document at an address and its order; see `ilios.documents.admission.Candidate`."""

    remote: Remote
    order: Order
    document_id: str
    columns: dict[str, Any]
    sealed: str | None  #: its password, if it has any
    size_bytes: int = 0  #: not known yet

    @classmethod
    def of(cls, remote: Remote, order: Order) -> RemoteCandidate:
        document_id = ids.new_id()
        of_document = {
            **columns(order),
            "id": document_id,
            "file_name": remote.file_name,
            "mime_type": UNKNOWN,
            "file_size": 0,
            "sha256": None,
            "storage_key": "",
            "fingerprint": None,
        }
        sealed = None if order.password is None else order.password.sealed(document_id)
        return cls(remote, order, document_id, of_document, sealed)
