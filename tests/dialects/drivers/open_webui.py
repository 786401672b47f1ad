"""Open WebUI's own loaders, out of its wheel, on stand-ins for what they import of it.

`OPEN_WEBUI_LOADERS` names the folder that the wheel's modules were unpacked to.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tests.dialects.drivers.errand import TIMEOUT_S, ClientError, Driver, Errand


class _Environment(ModuleType):
    """open_webui.env: every switch has what it has by default."""

    GLOBAL_LOG_LEVEL = "WARNING"
    AIOHTTP_CLIENT_SESSION_SSL = True
    REQUESTS_VERIFY = True
    USE_SLIM = False
    MINERU_MAX_MARKDOWN_BYTES = 100 * 1024 * 1024

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return ""


def _stand_in(name: str, **members: object) -> None:
    module = ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module


sys.path.insert(0, os.environ["OPEN_WEBUI_LOADERS"])
sys.modules["open_webui.env"] = _Environment("open_webui.env")
_stand_in("open_webui.config", UPLOAD_DIR="")
_stand_in(
    "open_webui.utils.headers",
    include_user_info_headers=lambda headers, *_, **__: headers,
    parse_custom_headers=lambda *_, **__: {},
    get_user_groups_for_custom_headers=lambda *_, **__: None,
)
_stand_in("open_webui.utils.json_codec", JSONCodec=json)

# ruff: noqa: E402  # the stand-ins have to be there first
from open_webui.retrieval.loaders.local import DocumentIntelligenceLoader
from open_webui.retrieval.loaders.main import DoclingLoader, ExternalDocumentLoader, TikaLoader
from open_webui.retrieval.loaders.mineru import MinerULoader
from open_webui.retrieval.loaders.mistral import MistralLoader


def _loading(make: Callable[[Errand], Any]) -> Driver:
    def read(errand: Errand) -> str:
        found = make(errand).load()
        for one in found:
            if "error" in (one.metadata or {}):
                raise ClientError(one.page_content)
        return "\n\n".join(one.page_content for one in found)

    return read


def _mistral(errand: Errand, *, inline: bool) -> Any:
    return MistralLoader(
        f"{errand.url}/v1",
        errand.key or "none",
        str(errand.path),
        timeout=int(TIMEOUT_S),
        use_base64=inline,
    )


def _docling(errand: Errand) -> Any:
    return DoclingLoader(errand.url, errand.key, str(errand.path), errand.mime_type)


def _external(errand: Errand) -> Any:
    return ExternalDocumentLoader(
        str(errand.path), f"{errand.url}/v1/openwebui", errand.key, errand.mime_type
    )


def _tika(errand: Errand, version: str) -> Any:
    return TikaLoader(
        errand.url, str(errand.path), errand.mime_type, extract_images=True, server_version=version
    )


def _mineru(errand: Errand) -> Any:
    return MinerULoader(
        str(errand.path), "local", errand.url, "", params={}, timeout=int(TIMEOUT_S)
    )


def _azure(errand: Errand) -> Any:
    return DocumentIntelligenceLoader(str(errand.path), errand.url, errand.key or "none")


DRIVERS: dict[str, Driver] = {
    "open-webui-mistral": _loading(lambda errand: _mistral(errand, inline=False)),
    "open-webui-mistral-base64": _loading(lambda errand: _mistral(errand, inline=True)),
    "open-webui-docling": _loading(_docling),
    "open-webui-external": _loading(_external),
    "open-webui-tika": _loading(lambda errand: _tika(errand, "3")),
    "open-webui-tika-4": _loading(lambda errand: _tika(errand, "4")),
    "open-webui-mineru": _loading(_mineru),
    "open-webui-azure": _loading(_azure),
}
