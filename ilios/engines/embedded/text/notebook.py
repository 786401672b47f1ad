"""Notebooks of Jupyter: their Markdown, their code, and what the code has written."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Source
from ilios.engines.embedded import markdown
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder, unkept_kind
from ilios.engines.embedded.text.decoding import decoded, read_limited
from ilios.engines.embedded.web.html import document as html

KIND: Final = "notebook"
PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
_LANGUAGE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+#.-]{0,29}")
_LANGUAGES: Final = {"ipython": "python", "ipython2": "python", "ipython3": "python"}
_TERMINAL: Final = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]|\x1b[()][A-Z0-9]")
_ATTACHED: Final = re.compile(r"\]\(attachment:([^()\s]{1,255})\)")
_OF_OLD: Final = {
    "text": "text/plain",
    "html": "text/html",
    "png": "image/png",
    "jpeg": "image/jpeg",
}
"""The names of forms of an output in notebooks of version 3."""


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    try:
        root = json.loads(decoded(read_limited(source.path, KIND)))
    except (ValueError, RecursionError) as error:
        raise document_errors.corrupt(KIND) from error
    notebook = _Notebook(root if isinstance(root, dict) else {}, ImageFolder(workspace))
    text = "\n\n".join(part.strip("\n") for part in notebook.parts() if part.strip())
    if not text:
        raise document_errors.empty(KIND)
    return FlowDocument([FlowPage(text, notebook.images.take(), tuple(notebook.warnings))])


class _Notebook:
    """Writes cells in their order; what is not of the form that it should have is left out."""

    def __init__(self, root: Mapping[str, Any], images: ImageFolder) -> None:
        self._root = root
        self.images = images
        self.warnings: list[ConversionWarning] = []
        metadata = _object(root.get("metadata"))
        named = (
            _object(metadata.get("language_info")).get("name"),
            _object(metadata.get("kernelspec")).get("language"),
        )
        self._language = next((_language(name) for name in named if name), "python")

    def parts(self) -> Iterator[str]:
        for cell in self._cells():
            kind = cell.get("cell_type")
            text = _text(cell.get("source", cell.get("input")))
            if kind == "code":
                language = _language(cell.get("language")) or self._language
                yield markdown.code_block(text, language)
                for output in _objects(cell.get("outputs")):
                    yield from self._output(output)
            elif kind == "heading":
                level = cell.get("level")
                yield markdown.heading(level if isinstance(level, int) else 1, text)
            elif kind == "raw":
                yield markdown.code_block(text)
            else:
                yield self._with_pictures(text, _object(cell.get("attachments")))

    def _cells(self) -> Iterator[Mapping[str, Any]]:
        yield from _objects(self._root.get("cells"))
        for sheet in _objects(self._root.get("worksheets")):
            yield from _objects(sheet.get("cells"))

    def _output(self, output: Mapping[str, Any]) -> Iterator[str]:
        """Yield the form of an output that says most: a table, a text, a picture."""
        if output.get("output_type") in ("error", "pyerr"):
            lines = _text(output.get("traceback"), "\n") or (
                f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
            )
            yield _shown(lines)
            return
        forms = {_OF_OLD[name]: output[name] for name in _OF_OLD if name in output}
        forms |= _object(output.get("data"))
        page, text = _text(forms.get("text/html")), _text(forms.get("text/plain"))
        yield from self._pictures(forms)
        if written := _text(forms.get("text/markdown")):
            yield written
        elif "<table" in page:
            yield html.read(page, html.image_keeper(self.images)).body
        elif not any(kind in forms for kind in PICTURES):  # whose text only names its class
            yield _shown(text)

    def _pictures(self, forms: Mapping[str, Any]) -> Iterator[str]:
        for kind in PICTURES:
            if kind in forms and (name := self._kept(kind, _text(forms[kind]))):
                yield markdown.image(name)
                return

    def _with_pictures(self, text: str, attached: Mapping[str, Any]) -> str:
        """Return the Markdown of a cell with the pictures that are attached to it."""

        def kept(match: re.Match[str]) -> str:
            forms = _object(attached.get(match[1]))
            kind, content = next(iter(forms.items()), ("", ""))
            name = self._kept(kind, _text(content))
            return f"]({name})" if name else match[0]

        return _ATTACHED.sub(kept, text) if attached else text

    def _kept(self, kind: str, encoded: str) -> str | None:
        try:
            content = base64.b64decode(encoded)
        except (binascii.Error, ValueError):
            content = b""
        name = self.images.add("image-1", content) if content else None
        left_out = None if name else unkept_kind(f"picture.{kind.rpartition('/')[2]}", content)
        if left_out:
            self.warnings.append(conversion_warnings.pictures_left_out(left_out, 1, 1))
        return name


def _shown(text: str) -> str:
    """Write what a terminal shows: no colours, and of a line that is written anew the last."""
    plain = _TERMINAL.sub("", text)
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
    return markdown.code_block("\n".join(lines), "text")


def _text(value: Any, between: str = "") -> str:
    if isinstance(value, list):
        return between.join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _language(name: Any) -> str:
    if not isinstance(name, str) or not _LANGUAGE.fullmatch(name):
        return ""
    return _LANGUAGES.get(name.lower(), name.lower())
