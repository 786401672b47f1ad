"""Prints what clients, operators and upgrades see of a checkout: `python scripts/surface.py [DIR]`.

OpenAPI document, settings, log events, metrics, schema and command line, as JSON: a diff of two
outputs shows what changed for others. Names no module of `ilios`, so it runs on any version.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

LEVELS: Final = ("debug", "info", "warning", "error", "critical", "exception", "log")
EVENT: Final = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
SCRIPT_EVENT: Final = re.compile(r"^\s*say (\w+) ([a-z_.]+) ", re.MULTILINE)


def main(checkout: Path) -> None:
    """Migrate a database in a temporary folder, then describe the checkout in its own process."""
    environment = {"PATH": os.environ["PATH"]}  # no settings: defaults are compared
    with tempfile.TemporaryDirectory(prefix="surface-") as folder:
        environment |= {"DATA_DIR": folder, "PYTHONPATH": str(checkout)}
        for command in (["-m", "alembic", "upgrade", "head"], [__file__, "--inside"]):
            call = [sys.executable, *command]
            done = subprocess.run(call, cwd=checkout, env=environment, capture_output=True)
            if done.returncode:
                sys.exit(f"{call} failed: {done.stdout.decode()}{done.stderr.decode()}")
        sys.stdout.buffer.write(done.stdout)


def surface(checkout: Path) -> dict[str, Any]:
    """Describe the checkout whose `ilios` this process imports."""
    words = {word for tree in sources(checkout) for word in strings(tree)}
    client = import_module("app").create_app().test_client()
    return {
        "openapi": client.get("/openapi.json").get_json(),
        "settings": settings(),
        "settings_example": (checkout / ".env.example").read_text().splitlines(),
        "log_events": log_events(checkout),
        "metrics": exposed_metrics(client.get("/metrics").get_data(as_text=True)),
        "metric_instruments": metric_instruments(),
        "metric_names": sorted(word for word in words if re.fullmatch("ilios_[a-z_]+", word)),
        "schema": schema(Path(os.environ["DATA_DIR"], "ilios.db")),
        "command_line": dict(sorted(command_line(checkout))),
    }


def settings() -> list[tuple[str, Any]]:
    """Return names, types, defaults and bounds of the settings, as JSON schema."""
    from pydantic_settings import BaseSettings

    classes = [one for one in loaded(type) if issubclass(one, BaseSettings)]
    fullest = max(classes, key=lambda cls: len(cls.model_fields))
    return sorted(fullest.model_json_schema()["properties"].items())


def log_events(checkout: Path) -> dict[str, list[list[str]]]:
    """Return levels and fields by event; `**` stands for fields that are not written out."""
    found: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    nodes = (node for tree in sources(checkout) for node in ast.walk(tree))
    for call in (node for node in nodes if isinstance(node, ast.Call) and node.args):
        method = getattr(call.func, "attr", "")
        for event in filter(EVENT.fullmatch, strings(call.args[-1]) if method in LEVELS else ()):
            found[event][0].add(method)
            found[event][1].update(keyword.arg or "**" for keyword in call.keywords)
    for level, event in SCRIPT_EVENT.findall((checkout / "start.sh").read_text()):
        found[event][0].add(level)
    return {event: [sorted(words) for words in found[event]] for event in sorted(found)}


def exposed_metrics(text: str) -> list[Any]:
    """Return name, type, help and labels of what `/metrics` answers on an empty database."""
    from prometheus_client.parser import text_string_to_metric_families

    found = {}
    for family in text_string_to_metric_families(text):
        labels = [[sample.name, sample.labels] for sample in family.samples]
        found[family.name] = [family.type, family.documentation, labels]
    return sorted(found.items())


def metric_instruments() -> list[Any]:
    """Return name, type, help, labels and buckets of all counters, counted or not yet."""
    from prometheus_client.metrics import MetricWrapperBase

    found = {
        family.name: [family.type, family.documentation, one._labelnames, one._kwargs]
        for one in loaded(MetricWrapperBase)
        for family in one.describe()
    }
    return sorted(found.items())


def schema(database: Path) -> list[list[str]]:
    """Return kind, name, table and SQL of everything in the migrated database."""
    rows = sqlite3.connect(database).execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    return sorted([str(value) for value in row] for row in rows)


def command_line(checkout: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every command of `ilios` with the lines of its help."""
    from click.testing import CliRunner

    scripts = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]
    root = EntryPoint("ilios", scripts["ilios"], "console_scripts").load()
    waiting: list[tuple[list[str], Any]] = [([], root)]
    for path, command in waiting:
        shown = CliRunner().invoke(root, [*path, "--help"], prog_name="ilios", terminal_width=100)
        yield " ".join(["ilios", *path]), shown.output.splitlines()
        below = getattr(command, "commands", {})
        waiting += [([*path, name], command) for name, command in below.items()]


def loaded(kind: type[Any]) -> Iterator[Any]:
    """Yield what the loaded modules of `ilios` hold of a kind."""
    for name, module in list(sys.modules.items()):
        if name.startswith("ilios."):
            yield from (value for value in vars(module).values() if isinstance(value, kind))


def sources(checkout: Path) -> Iterator[ast.Module]:
    """Yield the syntax trees of the service's own modules."""
    for pattern in ("*.py", "ilios/**/*.py", "alembic/**/*.py"):
        yield from (ast.parse(path.read_text()) for path in checkout.glob(pattern))


def strings(tree: ast.AST) -> Iterator[str]:
    """Yield the constant strings below a node."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return (node.value for node in nodes if isinstance(node.value, str))


if __name__ == "__main__":
    if sys.argv[1:] == ["--inside"]:
        with redirect_stdout(sys.stderr):  # the log
            found = surface(Path.cwd())
        print(json.dumps(found, indent=1, ensure_ascii=False, default=str))
    else:
        main(Path(sys.argv[1]).resolve() if sys.argv[1:] else Path(__file__).resolve().parents[1])
