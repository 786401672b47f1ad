"""Lists what was taken away since the last release: `python scripts/compatibility.py [DIR]`.

It compares the surface of a checkout (scripts/surface.py) with `tests/contract/baseline.json`, that
of the last release: the OpenAPI document, error codes, settings, log events, metrics and commands.
What is removed or narrowed has to stand in docs/stability.md; what is added never matters.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

REPOSITORY: Final = Path(__file__).resolve().parents[1]
BASELINE: Final = "tests/contract/baseline.json"
PAGE: Final = "docs/stability.md"
HEADING: Final = "\n## Taken away since the last release\n"
LISTED: Final = re.compile(r"^\| `([^`]+)` \| .+ \|$", re.MULTILINE)
ERROR_CODE: Final = re.compile(r"^\| (\d{3}) \| `([a-z_<>]+)` \|", re.MULTILINE)
OPTION: Final = re.compile(r"^ +(?:-\w, )?(--[\w-]+)", re.MULTILINE)
METHODS: Final = ("get", "post", "put", "delete")
LOWEST: Final = ("minimum", "minLength", "minItems")
HIGHEST: Final = ("maximum", "maxLength", "maxItems")
FIXED: Final = ("pattern", "format", "default")
"""What may be left out of the description of a request, but not come, or become another."""

Json = dict[str, Any]
Direction = Literal["request", "answer"]


def main(checkout: Path) -> None:
    """Exit with the changes that are not listed, and with what is listed and did not change."""
    command = [sys.executable, str(REPOSITORY / "scripts" / "surface.py"), str(checkout)]
    now = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    before = json.loads((checkout / BASELINE).read_text())
    unlisted, stale = differences(before, now, (checkout / PAGE).read_text())
    for change in unlisted:
        print(f"taken away, and not in {PAGE}: {change}")
    for change in stale:
        print(f"in {PAGE}, and not taken away: {change}")
    sys.exit(1 if unlisted or stale else 0)


def differences(before: Json, now: Json, page: str) -> tuple[list[str], list[str]]:
    """Return the changes that a page does not list, and those that it lists in vain."""
    found = sorted(set(taken_away(before, now)))
    listed = LISTED.findall(page.rpartition(HEADING)[2])
    return [one for one in found if one not in listed], [one for one in listed if one not in found]


def taken_away(before: Json, now: Json) -> Iterator[str]:
    """Yield what those who relied on `before` do not find in `now`, each as a sentence."""
    yield from Documents(before["openapi"], now["openapi"]).taken_away()
    yield from gone("error code", codes_of(before), codes_of(now))
    yield from of_settings(dict(before["settings"]), dict(now["settings"]))
    yield from of_events(before["log_events"], now["log_events"])
    yield from of_metrics(metrics_of(before), metrics_of(now))
    yield from of_commands(before["command_line"], now["command_line"])


def gone(what: str, before: Iterable[str], now: Iterable[str]) -> Iterator[str]:
    present = set(now)
    yield from (f"{what} {name} is gone" for name in before if name not in present)


@dataclass(frozen=True, slots=True)
class Documents:
    """Two OpenAPI documents."""

    before: Json
    now: Json

    def taken_away(self) -> Iterator[str]:
        paths, present = self.before["paths"], self.now["paths"]
        yield from gone("path", paths, present)
        for path in paths.keys() & present.keys():
            before, now = operations(paths[path]), operations(present[path])
            yield from gone("operation", *([f"{m} {path}" for m in one] for one in (before, now)))
            for method in before.keys() & now.keys():
                yield from self._of_operation(f"{method} {path}", before[method], now[method])

    def _of_operation(self, where: str, before: Json, now: Json) -> Iterator[str]:
        if before.get("x-scope") != now.get("x-scope"):
            yield f"{where}: another scope is needed"
        if before.get("operationId", now.get("operationId")) != now.get("operationId"):
            yield f"{where}: another operationId"
        yield from self._of_parameters(where, parameters(before), parameters(now))
        asked, asks = (one.get("requestBody", {}) for one in (before, now))
        if asks.get("required") and not asked.get("required"):
            yield f"{where}: a body is required"
        yield from self._of_contents(f"{where}: request", "request", asked, asks)
        answered, answers = before["responses"], now["responses"]
        yield from gone(f"{where}: status", answered, answers)
        for status in answered.keys() & answers.keys():
            old = resolved(self.before, answered[status])
            new = resolved(self.now, answers[status])
            at = f"{where}: {status}"
            yield from gone(f"{at}: header", old.get("headers", {}), new.get("headers", {}))
            yield from self._of_contents(at, "answer", old, new)

    def _of_parameters(
        self, where: str, before: Mapping[str, Json], now: Mapping[str, Json]
    ) -> Iterator[str]:
        yield from gone(f"{where}: parameter", before, now)
        for name, parameter in now.items():
            asked = before.get(name, {})
            if parameter.get("required") and not asked.get("required"):
                yield f"{where}: parameter {name} is required"
            if asked:
                at = f"{where}: parameter {name}"
                yield from self._of_schema(at, "request", asked["schema"], parameter["schema"])

    def _of_contents(
        self, where: str, direction: Direction, before: Json, now: Json
    ) -> Iterator[str]:
        contents, present = before.get("content", {}), now.get("content", {})
        yield from gone(f"{where}: type", contents, present)
        for media_type in contents.keys() & present.keys():
            old, new = (one[media_type].get("schema", {}) for one in (contents, present))
            yield from self._of_schema(where, direction, old, new)

    def _of_schema(
        self, where: str, direction: Direction, before: Json, now: Json
    ) -> Iterator[str]:
        before, now = resolved(self.before, before), resolved(self.now, now)
        yield from narrowed(where, direction, before, now)
        fields, present = before.get("properties", {}), now.get("properties", {})
        yield from gone(f"{where}: field", fields, present)
        for name in fields.keys() & present.keys():
            at = f"{where}: {name}"
            yield from self._of_schema(at, direction, fields[name], present[name])
        if "items" in before and "items" in now:
            yield from self._of_schema(f"{where}[]", direction, before["items"], now["items"])


def narrowed(where: str, direction: Direction, before: Json, now: Json) -> Iterator[str]:
    """Yield what one value may not be any more in a request, or may be newly in an answer."""
    if before.get("type") != now.get("type"):
        yield f"{where} is of another type"
    yield from gone(f"{where}: value", *(map(str, values_of(one)) for one in (before, now)))
    if direction == "answer":
        if now.get("nullable") and not before.get("nullable"):
            yield f"{where} may be null"
        yield from gone(f"{where}: certain", *(one.get("required", []) for one in (before, now)))
        return
    if before.get("nullable") and not now.get("nullable"):
        yield f"{where} may not be null"
    if "enum" in now and "enum" not in before:
        yield f"{where} takes some values only"
    required = set(now.get("required", [])) - set(before.get("required", []))
    yield from (f"{where}: field {name} is required" for name in sorted(required))
    yield from (f"{where}: another {key}" for key in FIXED if is_new(before, now, key))
    for keys, sign in ((LOWEST, 1), (HIGHEST, -1)):
        for key in (key for key in keys if key in now):
            if key not in before or sign * (now[key] - before[key]) > 0:
                yield f"{where}: narrower {key}"


def values_of(schema: Json) -> list[Any]:
    """Return the values that a schema lists; whether there is null besides, `nullable` says."""
    return [value for value in schema.get("enum", []) if value is not None]


def is_new(before: Json, now: Json, key: str) -> bool:
    return key in now and now[key] != before.get(key)


def resolved(document: Json, part: Json) -> Json:
    """Return a part of a document, or what it refers to, which it may add to."""
    part = nullable(part)
    parts = [part, *part.get("allOf", [])]
    found: Json = {}
    for one in parts:
        if reference := one.get("$ref"):
            named: Any = document
            for step in reference.removeprefix("#/").split("/"):
                named = named[step]
            found |= resolved(document, named)
    return found | {key: value for key, value in part.items() if key not in ("$ref", "allOf")}


def nullable(part: Json) -> Json:
    """Return a reference beside null as one that may be null."""
    references = [one for one in part.get("anyOf", []) if "$ref" in one]
    nulls = [one for one in part.get("anyOf", []) if one.get("nullable")]
    if len(references) != 1 or len(nulls) != 1:
        return part
    beside = {key: value for key, value in part.items() if key != "anyOf"}
    return {**beside, "allOf": references, "nullable": True}


def operations(item: Json) -> dict[str, Json]:
    """Return the operations of a path by method, each with the path's own parameters."""
    shared = item.get("parameters", [])
    return {
        method.upper(): {
            **item[method],
            "parameters": [*shared, *item[method].get("parameters", [])],
        }
        for method in METHODS
        if method in item
    }


def parameters(operation: Json) -> dict[str, Json]:
    return {f"{one['in']} {one['name']}": one for one in operation["parameters"]}


def codes_of(surface: Json) -> list[str]:
    """Return the error codes that the description lists, each with its status."""
    return [" ".join(row) for row in ERROR_CODE.findall(surface["openapi"]["info"]["description"])]


def of_settings(before: Mapping[str, Json], now: Mapping[str, Json]) -> Iterator[str]:
    """Compare settings: their values are requests of the operator."""
    yield from gone("setting", before, now)
    for name in before.keys() & now.keys():
        old, new = (plain(one) for one in (before[name], now[name]))
        yield from narrowed(f"setting {name}", "request", old, new)


def plain(setting: Json) -> Json:
    """Return the schema of a setting that may be unset as one that may be null."""
    kinds = [one for one in setting.get("anyOf", []) if one.get("type") != "null"]
    return {**setting, **kinds[0], "nullable": True} if len(kinds) == 1 else setting


def of_events(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    yield from gone("event", before, now)
    for event in before.keys() & now.keys():
        (_, fields), (_, present) = before[event], now[event]
        if "**" not in present:
            yield from gone(f"event {event}: field", fields, present)


def metrics_of(surface: Json) -> dict[str, Json]:
    """Return type, labels and buckets of each metric."""
    found: dict[str, Json] = {}
    for name, (kind, _, samples) in surface["metrics"]:
        found[name] = {"type": kind, "labels": sorted({key for _, one in samples for key in one})}
    for name, (kind, _, labels, more) in surface["metric_instruments"]:
        found[name] = {"type": kind, "labels": sorted(labels), "buckets": more.get("buckets", [])}
    return found


def of_metrics(before: Mapping[str, Json], now: Mapping[str, Json]) -> Iterator[str]:
    yield from gone("metric", before, now)
    for name in before.keys() & now.keys():
        old, new = before[name], now[name]
        if old["type"] != new["type"]:
            yield f"metric {name} is of another type"
        if old["labels"] != new["labels"]:  # a new one, too, makes other series
            yield f"metric {name} has other labels"
        buckets = (map(str, one.get("buckets", [])) for one in (old, new))
        yield from gone(f"metric {name}: bucket", *buckets)


def of_commands(before: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> Iterator[str]:
    yield from gone("command", before, now)
    for command in before.keys() & now.keys():
        options = (OPTION.findall("\n".join(one)) for one in (before[command], now[command]))
        yield from gone(f"{command}: option", *options)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if sys.argv[1:] else REPOSITORY)
