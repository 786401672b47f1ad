"""Request bodies, read as strictly as the provider reads them."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tests.mistral_server.refusals import Refusal

MODELS = ("mistral-ocr-4-1", "mistral-ocr-4-0", "mistral-ocr-2512")
ALIASES = {"mistral-ocr-latest": "mistral-ocr-4-1"}
ECHO_MAX_CHARACTERS = 200
PAGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
DOCUMENT_PREFIXES = ("https://", "http://127.0.0.1:", "data:application/", "data:text/")
IMAGE_PREFIXES = ("https://", "http://127.0.0.1:", "data:image/")

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FileChunk(Strict):
    file_id: str
    type: Literal["file"] = "file"


class DocumentURLChunk(Strict):
    """Seen: a 422 for anything that is neither https nor `data:application/…`.

    Guess: `data:text/…` is taken too, since text files are. Plain http is for this server's own
    signed links.
    """

    document_url: str
    type: Literal["document_url"] = "document_url"
    document_name: str | None = None

    @field_validator("document_url")
    @classmethod
    def _is_document(cls, url: str) -> str:
        if not url.startswith(DOCUMENT_PREFIXES):
            raise ValueError(
                "Document content must be a URL (starting with 'https') or base64 encoded document"
                " (starting with 'data:application/<format>;base64,<document-base64>')"
            )
        return url


class ImageURL(Strict):
    url: str
    detail: Literal["low", "auto", "high"] | None = None


class ImageURLChunk(Strict):
    image_url: str | ImageURL
    type: Literal["image_url"] = "image_url"

    @property
    def url(self) -> str:
        return self.image_url if isinstance(self.image_url, str) else self.image_url.url

    @model_validator(mode="after")
    def _is_image(self) -> ImageURLChunk:
        if not self.url.startswith(IMAGE_PREFIXES):
            raise ValueError("Image content must be a URL or a base64 encoded image")
        return self


class JsonSchema(Strict):
    name: str
    schema_definition: dict[str, Any] = Field(alias="schema")
    description: str | None = None
    strict: bool = False


class ResponseFormat(Strict):
    type: Literal["json_schema"]
    json_schema: JsonSchema


class OcrRequest(Strict):
    """The body of `POST /v1/ocr`; a batch's line has no `model` of its own."""

    model: str | None
    document: FileChunk | DocumentURLChunk | ImageURLChunk
    pages: str | list[int] | None = None
    include_image_base64: bool | None = None
    image_limit: int | None = Field(default=None, ge=0)
    image_min_size: int | None = Field(default=None, ge=0)
    bbox_annotation_format: ResponseFormat | None = None
    document_annotation_format: ResponseFormat | None = None
    document_annotation_prompt: str | None = None
    table_format: Literal["markdown", "html"] | None = None
    extract_header: bool = False
    extract_footer: bool = False
    include_blocks: bool = True
    confidence_scores_granularity: Literal["word", "page", "block"] | None = None

    @field_validator("pages")
    @classmethod
    def _is_selection(cls, pages: str | list[int] | None) -> str | list[int] | None:
        """Guess: spaces, empty selections and ranges that run backwards are refused."""
        if isinstance(pages, list) and any(page < 0 for page in pages):
            raise ValueError("page numbers start from 0")
        if isinstance(pages, str):
            if not PAGES.fullmatch(pages):
                raise ValueError("pages must be numbers and ranges, such as '0,2-4'")
            numbers_of(pages)
        return pages

    @model_validator(mode="after")
    def _prompt_has_a_format(self) -> OcrRequest:
        if self.document_annotation_prompt and not self.document_annotation_format:
            raise ValueError("document_annotation_prompt needs a document_annotation_format")
        return self

    @property
    def is_annotated(self) -> bool:
        return bool(self.bbox_annotation_format or self.document_annotation_format)

    def selection(self) -> list[int] | None:
        """Return the pages asked for, each once, in the order of the request; None: all."""
        if self.pages is None:
            return None
        pages = numbers_of(self.pages) if isinstance(self.pages, str) else self.pages
        return list(dict.fromkeys(pages))


def numbers_of(selection: str) -> list[int]:
    """Read `0,2-4` as 0, 2, 3, 4. Raises ValueError for what is endless or runs backwards."""
    numbers: list[int] = []
    for part in selection.split(","):
        first, _, last = part.partition("-")
        start, end = int(first), int(last or first)
        if not start <= end < start + 100_000:
            raise ValueError(f"'{part}' is no range of pages")
        numbers += range(start, end + 1)
    return numbers


def read(model: type[Model], body: bytes | dict[str, Any]) -> Model:
    """Raise Refusal (422, FastAPI's shape) for what does not fit."""
    try:
        if isinstance(body, bytes):
            return model.model_validate_json(body)
        return model.model_validate(body)
    except ValidationError as error:
        raise Refusal(422, {"detail": details(error)}) from None


def details(error: ValidationError, *where: str) -> list[dict[str, Any]]:
    """Return FastAPI's list of errors; long inputs are not echoed."""
    found: list[dict[str, Any]] = []
    for one in error.errors(include_url=False, include_context=False):
        entry: dict[str, Any] = {
            "type": one["type"],
            "loc": [*(where or ("body",)), *one["loc"]],
            "msg": one["msg"],
        }
        given = one["input"]
        if isinstance(given, str | int | float) and len(str(given)) <= ECHO_MAX_CHARACTERS:
            entry["input"] = given
        found.append(entry)
    return found
