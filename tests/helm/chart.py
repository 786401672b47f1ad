"""The chart, and Helm, which renders it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.forking import REPOSITORY

FOLDER: Final = Path(__file__).parent
CHART: Final = REPOSITORY / "deploy" / "helm" / "ilios"
PROGRAMS: Final = REPOSITORY / ".venv-helm" / "bin"
PACKAGES: Final = FOLDER / "node_modules"
SETS: Final = {
    path.name.removesuffix("-values.yaml"): path
    for path in sorted((CHART / "ci").glob("*-values.yaml"))
}
KUBERNETES: Final = ("1.30", "1.37")  #: the oldest that the chart allows, and the newest
CUSTOM: Final = ("keda.sh/", "monitoring.coreos.com/")
TIMEOUT_S: Final = 300.0

Object = dict[str, Any]
Done = subprocess.CompletedProcess[str]


def missing() -> str | None:
    """Return why nothing can be rendered or compared; None when all is there."""
    if platform.machine() != "x86_64":
        return "Helm is here for x86-64 only"
    there = (PROGRAMS / "helm").exists() and PACKAGES.exists() and shutil.which("node")
    return None if there else "no Helm, or no schemas of Kubernetes: `make helm` installs them"


def helm(*arguments: str | Path, stdin: str | None = None) -> Done:
    """Run Helm, which keeps its own files in a folder that goes."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "PATH": os.environ["PATH"]}
        return _done([PROGRAMS / "helm", *arguments], stdin, environment)


def rendered(
    *values: Path | Mapping[str, Any], release: str = "trial", namespace: str = "documents"
) -> list[Object]:
    """Return the objects of the chart with these values, the later over the earlier."""
    done = _template(*values, release=release, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def refusal(*values: Path | Mapping[str, Any]) -> str:
    """Return what Helm says of values that the chart refuses."""
    done = _template(*values)
    assert done.returncode != 0, done.stdout
    return done.stderr


def notes(values: Path) -> str:
    """Return what an installation ends with."""
    done = helm("install", "trial", CHART, "--dry-run=client", "--values", values)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]


def faults(objects: list[Object], version: str) -> str:
    """Return what is wrong with objects of Kubernetes itself, by its schemas of a version."""
    own = [one for one in objects if not one["apiVersion"].startswith(CUSTOM)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump_all(own, file)
        file.flush()
        program = PROGRAMS / "kubernetes-validate"
        done = _done([program, "--strict", "--quiet", "--kubernetes-version", version, file.name])
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


def custom_faults(objects: list[Object]) -> list[str]:
    """Return what is wrong with objects of KEDA and of the Prometheus operator."""
    custom = [one for one in objects if one["apiVersion"].startswith(CUSTOM)]
    done = _done(["node", FOLDER / "custom_resources.mjs"], json.dumps(custom))
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def named(objects: list[Object], kind: str, name: str = "") -> Object:
    """Return the one object of a kind, or the one whose name ends so."""
    (found,) = [
        one for one in objects if one["kind"] == kind and one["metadata"]["name"].endswith(name)
    ]
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield the component and the template of each kind of pod."""
    for one in objects:
        if "template" in one.get("spec", {}):
            yield one["metadata"]["labels"]["app.kubernetes.io/component"], one["spec"]["template"]


def containers(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield the component and the container of each kind of pod: each has one."""
    for component, template in pods(objects):
        (container,) = template["spec"]["containers"]
        yield component, container


def _template(
    *values: Path | Mapping[str, Any], release: str = "trial", namespace: str = "documents"
) -> Done:
    with tempfile.TemporaryDirectory() as folder:
        paths = [_as_file(one, Path(folder, f"{at}.yaml")) for at, one in enumerate(values)]
        options = [f"--values={path}" for path in paths]
        return helm("template", release, CHART, "--namespace", namespace, *options)


def _as_file(values: Path | Mapping[str, Any], path: Path) -> Path:
    if isinstance(values, Path):
        return values
    path.write_text(yaml.safe_dump(dict(values)))
    return path


def _done(
    command: list[str | Path], stdin: str | None = None, environment: dict[str, str] | None = None
) -> Done:
    return subprocess.run(
        command,
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
