"""What RAGFlow and Dify's plug-in send to MinerU: neither is in a package registry."""

from __future__ import annotations

import io
import json
import zipfile

import requests

from tests.dialects.drivers.errand import TIMEOUT_S, ClientError, Driver, Errand

PROBE_TIMEOUT_S = 5.0


def ragflow(errand: Errand) -> str:
    """Take the list of contents out of a ZIP file."""
    requests.head(f"{errand.url}/openapi.json", timeout=PROBE_TIMEOUT_S).raise_for_status()
    response = _parse(
        errand,
        {
            "output_dir": "./output",
            "lang_list": "en",
            "backend": "pipeline",
            "parse_method": "auto",
            "formula_enable": "true",
            "table_enable": "true",
            "return_md": "true",
            "return_middle_json": "true",
            "return_content_list": "true",
            "return_images": "true",
            "response_format_zip": "true",
            "start_page_id": "0",
            "end_page_id": "99999",
        },
    )
    if response.headers["Content-Type"] != "application/zip":
        raise ClientError(f"not a ZIP file: {response.headers['Content-Type']}")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        name = next(one for one in archive.namelist() if one.endswith("_content_list.json"))
        blocks = json.loads(archive.read(name))
    assert all(block["page_idx"] >= 0 for block in blocks)
    return "\n\n".join(
        " ".join(str(block.get(field) or "") for field in ("text", "table_body"))
        for block in blocks
    )


def dify(errand: Errand) -> str:
    """Take the Markdown of the one result."""
    requests.get(f"{errand.url}/docs", timeout=PROBE_TIMEOUT_S).raise_for_status()
    response = _parse(
        errand,
        {"return_md": "true", "return_content_list": "true", "return_images": "true"},
    )
    (result,) = response.json()["results"].values()
    assert isinstance(result["images"], dict)
    return str(result["md_content"])


def _parse(errand: Errand, fields: dict[str, str]) -> requests.Response:
    headers = {"Authorization": f"Bearer {errand.key}"} if errand.key else {}
    with errand.path.open("rb") as file:
        response = requests.post(
            f"{errand.url}/file_parse",
            files={"files": (errand.path.name, file)},
            data=fields,
            headers=headers,
            timeout=TIMEOUT_S,
        )
    if not response.ok:
        raise ClientError(f"{response.status_code} {response.text}")
    return response


DRIVERS: dict[str, Driver] = {"ragflow-mineru": ragflow, "dify-mineru": dify}
