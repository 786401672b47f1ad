"""Every code that a client can meet stands in docs/errors.md with its status, and no other does."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from http import HTTPStatus

import ilios
from ilios.accounts.errors import KeyCommandError
from ilios.api.responses import errors
from ilios.api.responses.errors import status_of, status_of_class
from ilios.cli.remote import ServiceRefused
from ilios.core.conversion_errors import ConversionError
from ilios.core.errors import CommandFailed, IliosError, LeaseLost, StartupError
from ilios.core.immediate_errors import ConversionFailed
from ilios.local.converter import NotConverted
from ilios.local.mcp.refusals import ToolRefused
from tests.support.forking import REPOSITORY
from tests.unit.structure.tree import FOR_FRAMEWORKS

ON_THE_COMMAND_LINE = (
    StartupError, KeyCommandError, CommandFailed, NotConverted, ServiceRefused, ToolRefused,
)  # fmt: skip
INSIDE = (LeaseLost, ConversionFailed)  #: the one is never shown, the other has a document's code
RUN_ON_IMPORT = ("__main__", "gunicorn_conf")
ROW = re.compile(r"^\| `([a-z_]+)` \| (?:(\d{3}) \| )?[^|]+ \| [^|]+ \|$", re.MULTILINE)


def classes() -> Iterator[type[IliosError]]:
    """Yield every class of errors, of every module."""
    for module in pkgutil.walk_packages(ilios.__path__, "ilios."):
        if not module.name.endswith(RUN_ON_IMPORT) and module.name not in FOR_FRAMEWORKS:
            importlib.import_module(module.name)
    found = [IliosError]
    for cls in found:
        found += cls.__subclasses__()
    return (cls for cls in found if not issubclass(cls, ON_THE_COMMAND_LINE + INSIDE))


def documented(title: str) -> dict[str, int | None]:
    """Return the codes below a heading, with their statuses."""
    text = (REPOSITORY / "docs" / "errors.md").read_text()
    part = text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return {code: int(status) if status else None for code, status in ROW.findall(part)}


def status_of_failed(cls: type[ConversionError]) -> int:
    """Return what `/v1/convert` answers for a document that failed so."""
    return status_of(ConversionFailed("id", cls.code, "…", engine_fault=cls.engine_fault))


def test_refused_requests_are_documented() -> None:
    known = {
        cls.code: status_of_class(cls) for cls in classes() if not issubclass(cls, ConversionError)
    }
    known |= {code: int(status) for status, code in errors.CODES.items()}
    known |= {errors.INVALID_LENGTH: int(HTTPStatus.BAD_REQUEST), "unknown_field": 400}

    assert documented("Requests") == known


def test_failed_documents_are_documented() -> None:
    waits = documented("What documents wait for")
    known = {
        cls.code: status_of_failed(cls)
        for cls in classes()
        if issubclass(cls, ConversionError) and "code" in vars(cls) and cls.code not in waits
    }

    assert documented("Documents") == known


def test_what_documents_wait_for_is_documented() -> None:
    known = {cls.code for cls in classes() if issubclass(cls, ConversionError)}

    assert documented("What documents wait for").keys() <= known
