"""mistralai: upload, signed link, OCR, delete, as its manual has it."""

from __future__ import annotations

from mistralai.client import Mistral

from tests.dialects.drivers.errand import TIMEOUT_S, Driver, Errand


def read(errand: Errand) -> str:
    """Return the Markdown of all pages."""
    with Mistral(
        api_key=errand.key or "none", server_url=errand.url, timeout_ms=int(TIMEOUT_S * 1000)
    ) as client:
        assert client.models.list().data, "no models"
        uploaded = client.files.upload(
            file={"file_name": errand.path.name, "content": errand.path.read_bytes()},
            purpose="ocr",
        )
        try:
            assert client.files.retrieve(file_id=uploaded.id).size_bytes == _size(errand)
            link = client.files.get_signed_url(file_id=uploaded.id, expiry=1).url
            kind = "image_url" if errand.is_image else "document_url"
            found = client.ocr.process(
                model="mistral-ocr-latest",
                document={"type": kind, kind: link},
                include_image_base64=False,
            )
        finally:
            assert client.files.delete(file_id=uploaded.id).deleted
        assert found.usage_info.pages_processed == len(found.pages)
        assert [page.index for page in found.pages] == list(range(len(found.pages)))
        return "\n\n".join(page.markdown for page in found.pages)


def _size(errand: Errand) -> int:
    return errand.path.stat().st_size


DRIVERS: dict[str, Driver] = {"mistralai": read}
