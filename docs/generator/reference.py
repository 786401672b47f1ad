"""The reference of the API, written out of our own OpenAPI document below docs/reference.md.

On a code host that page is a few lines long; on the site it has every call and every object.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sphinx.application import Sphinx

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PAGE: Final = "docs/reference"
METHODS: Final = ("get", "put", "post", "delete")
PROBLEM: Final = "application/problem+json"
ITSELF: Final = 'The document itself: <a href="../openapi.json">openapi.json</a>.'
Node = dict[str, Any]
"""A part of the document."""


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", add_reference)
    return {"parallel_read_safe": True}


def add_reference(app: Sphinx, page: str, source: list[str]) -> None:
    """Append the reference to its page, and put the document beside the pages."""
    if page == PAGE:
        command = [sys.executable, "-m", "scripts.openapi"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
        Path(app.outdir, "openapi.json").write_bytes(done.stdout)
        source[0] = "\n".join([source[0], ITSELF, *Reference(json.loads(done.stdout)).lines()])


class Reference:
    """The document as Markdown, call by call, then schema by schema: `Objects` are calls too."""

    def __init__(self, document: Node) -> None:
        self._document = document

    def lines(self) -> Iterator[str]:
        for tag in self._document["tags"]:
            yield from ("", f"## {tag['name']}", "", tag.get("description", ""))
            for path, item in self._document["paths"].items():
                for method in METHODS:
                    if tag["name"] in item.get(method, {}).get("tags", ()):
                        yield from self._call(method, path, item)
        yield from ("", "## Schemas", "")
        for name, schema in self._document["components"]["schemas"].items():
            yield from self._object(name, schema)

    def _call(self, method: str, path: str, item: Node) -> Iterator[str]:
        call = item[method]
        yield from ("", f"(call-{call['operationId']})=", f"### `{method.upper()} {path}`", "")
        yield from (call.get("summary", ""), "", call.get("description", ""), "")
        yield from _table(
            ("Parameter", "In", "Type", "Meaning"),
            [
                (_name(one), one["in"], _type(one["schema"]), _meaning(one | one["schema"]))
                for one in (*item.get("parameters", ()), *call.get("parameters", ()))
            ],
        )
        bodies = call.get("requestBody", {}).get("content", {})
        yield from _table(("Body", "Content"), _contents(bodies))
        yield from _table(("Status", "Answer", "Content"), list(self._answers(call["responses"])))

    def _answers(self, responses: Node) -> Iterator[tuple[str, ...]]:
        """Yield what a call answers with; the statuses of problem documents share a row."""
        refused = []
        for status, response in sorted(responses.items()):
            shown = self._followed(response)
            contents = _contents(shown.get("content", {}))
            if set(shown.get("content", ())) == {PROBLEM}:
                refused.append(status)
                continue
            bodies = "; ".join(f"{kind}: {content}" for kind, content in contents)
            yield status, shown.get("description", ""), bodies
        if refused:
            yield ", ".join(refused), "A problem", f"`{PROBLEM}`: {_link('Problem')}"

    def _object(self, name: str, schema: Node) -> Iterator[str]:
        yield from ("", f"({_target(name)})=", f"### {name}", "")
        if description := schema.get("description"):
            yield from (description, "")
        if values := schema.get("enum"):
            yield ", ".join(f"`{value}`" for value in values)
        required = schema.get("required", ())
        yield from _table(
            ("Field", "Type", "Meaning"),
            [
                (_name({"name": field, "required": field in required}), _type(one), _meaning(one))
                for field, one in schema.get("properties", {}).items()
            ],
        )

    def _followed(self, node: Node) -> Node:
        """Return what a node stands for, if it is a reference."""
        if "$ref" not in node:
            return node
        found: Any = self._document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)


def _contents(content: Node) -> list[tuple[str, ...]]:
    return [(f"`{kind}`", _type(media.get("schema", {}))) for kind, media in content.items()]


def _type(schema: Node) -> str:
    """Say in a few words what a value is, with links to objects."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    for word, joint in (("allOf", " and "), ("oneOf", " or "), ("anyOf", " or ")):
        if word in schema:
            return joint.join(map(_type, schema[word]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "any value")
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _meaning(schema: Node) -> str:
    """Return the description of a field, with its default and its bounds."""
    notes = [schema.get("description", "")]
    if "enum" in schema:
        notes.append(" or ".join(f"`{value}`" for value in schema["enum"]) + ".")
    if (default := schema.get("default")) is not None:
        notes.append(f"Left out: `{json.dumps(default)}`.")
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None or most is not None:
        notes.append(f"{'…' if least is None else least} to {'…' if most is None else most}.")
    if schema.get("nullable"):
        notes.append("May be null.")
    return " ".join(note for note in notes if note)


def _name(field: Node) -> str:
    return f"`{field['name']}`" + (" (required)" if field.get("required") else "")


def _link(name: str) -> str:
    return f"[{name}](#{_target(name)})"


def _target(name: str) -> str:
    return f"object-{name}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table, or nothing where it would have no rows."""
    if rows:
        for row in (head, ("---",) * len(head), *rows):
            yield f"| {' | '.join(map(_cell, row))} |"
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
