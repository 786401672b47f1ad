"""A client of the service for programs; imports nothing of it, and HTTPX as its one library."""

from ilios.client.asynchronous import AsyncIlios
from ilios.client.errors import (
    ApiError,
    ConversionFailed,
    IliosClientError,
    OutcomeUnknown,
    Unreachable,
    WaitTimeout,
)
from ilios.client.synchronous import Ilios

__all__ = [
    "ApiError",
    "AsyncIlios",
    "ConversionFailed",
    "Ilios",
    "IliosClientError",
    "OutcomeUnknown",
    "Unreachable",
    "WaitTimeout",
]
