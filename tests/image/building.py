"""The image, built with buildah over a base that is made here: no Docker engine, no registry."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import resource
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.image import wheels
from tests.support.externals import unavailable
from tests.support.forking import REPOSITORY

ARCHITECTURE = os.environ.get("ILIOS_IMAGE_ARCHITECTURE", "")
"""Debian's name of another processor than this machine's: the kernel gives its programs to QEMU."""
PROCESSOR = "QEMU_CPU=neoverse-n1"
"""One that machines have. Of QEMU's own, which can do everything, its pointer authentication alone
makes all of Debian and Python six times as slow.
"""
SLOWNESS = 20 if ARCHITECTURE else 1  #: of QEMU, which translates every instruction
IMAGE = f"localhost/ilios-test{ARCHITECTURE and '-' + ARCHITECTURE}"
TOOLS = ("buildah", "podman", "mmdebstrap", "curl")

BASE_PACKAGES = ("ca-certificates", "netbase", "python3", "python3-pip-whl", "tzdata")
BASE_LAYOUT = (
    'chroot "$1" python3 -m venv --without-pip /usr/local',
    'python3 -m zipfile -e "$1"/usr/share/python-wheels/pip-*.whl'
    ' "$1"/usr/local/lib/python3.*/site-packages',
)
"""As in the official image: python3 and its pip lie below /usr/local."""
NO_BYTECODE = 'find "$1"/usr/lib/python3* -name "*.pyc" -delete'
"""As in the official image, which has its standard library as source only."""

OUTPUT_SHOWN = 3000  #: characters
EMULATORS = Path("/proc/sys/fs/binfmt_misc")
WHEELS = "/wheels"  #: of another processor, in the build
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
HOW_TO_REACH = {
    "default-timeout",
    "extra-index-url",
    "index-url",
    "proxy",
    "timeout",
    "trusted-host",
}
"""Settings of pip that a build needs as well as this machine."""


class BuildFailed(Exception):
    """The command, and the end of what it said."""


def find_base() -> str:
    """Return the name of a base on which containers run; skip, with the reason, where none do."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        unavailable(f"not installed: {', '.join(missing)} (docs/development.md)")
    if ARCHITECTURE and not any(EMULATORS.glob("qemu-*")):
        unavailable(f"the kernel has no emulator for {ARCHITECTURE} (docs/development.md)")
    try:
        base = _base()
        _run(["podman", "run", "--rm", *limits(), "--publish=127.0.0.1::1337", base, "true"])
    except BuildFailed as failure:
        unavailable(f"containers do not run here: {failure}")
    return base


def build(base: str) -> None:
    """Build the image. Raises BuildFailed."""
    with _index_configuration() as mounts:
        _run(
            ["buildah", "bud", "--layers", "--format=docker", "--isolation=chroot", *_foreign()]
            + ["--pull=never", f"--build-arg=BASE_IMAGE={base}", f"--tag={IMAGE}"]
            + [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
            + [str(REPOSITORY)]
        )


def _foreign() -> list[str]:
    """Return the flag of buildah and podman for another processor; nothing for this machine's."""
    return [f"--arch={ARCHITECTURE}"] if ARCHITECTURE else []


def processor() -> list[str]:
    """Return the flag that shows the other processor's /proc/cpuinfo; nothing for this machine's.

    QEMU 7.2 shows that of this machine, and onnxruntime for arm64 reads it when it is loaded.
    """
    shown = Path(__file__).with_name(f"{ARCHITECTURE}-cpuinfo")
    return [f"--volume={shown}:/proc/cpuinfo:ro"] if ARCHITECTURE else []


def limits() -> list[str]:
    """Return flags for limits that a virtual machine may set; podman's own are higher."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [f"--ulimit=nofile={min(1024, files)}:{files}", "--ulimit=nproc=4096:4096"]


def _base() -> str:
    """Return a Debian with what the official Python image has, kept in podman's store."""
    # QEMU takes minutes to compile anew what Debian compiles when it installs.
    hooks = BASE_LAYOUT if ARCHITECTURE else (*BASE_LAYOUT, NO_BYTECODE)
    arguments = [
        "--variant=minbase",
        f"--include={','.join(BASE_PACKAGES)}",
        '--aptopt=Acquire::Languages "none"',  # as in the official image
        *(f"--customize-hook={hook}" for hook in hooks),
        *([f"--architectures={ARCHITECTURE}"] if ARCHITECTURE else []),
        "trixie",
    ]
    recipe = hashlib.sha256(" ".join(arguments).encode()).hexdigest()[:12]
    name = f"localhost/ilios-test-base:{recipe}"
    if subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0:
        return name
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/base.tar"
        _run(["env", PROCESSOR, "mmdebstrap", *arguments, archive, *_mirror()])
        emulated = [f"--change=ENV {PROCESSOR}"] if ARCHITECTURE else []
        _run(["podman", "import", *_foreign(), *emulated, archive, name])
    return name


def _mirror() -> list[str]:
    """Return where apt gets Debian from on this machine; nothing where that is unknown."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian"],
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.split()[:1]


@contextlib.contextmanager
def _index_configuration() -> Iterator[dict[str, str]]:
    """Return what pip needs here to reach its index, as files to mount into the build."""
    configured = dict(_pip_settings())
    authorities = configured.get("cert") or ssl.get_default_verify_paths().cafile
    lines = [f"{name} = {value}" for name, value in configured.items() if name in HOW_TO_REACH]
    mounts: dict[str, str] = {}
    if authorities:
        mounts[authorities] = AUTHORITIES
        lines.append(f"cert = {AUTHORITIES}")
    with tempfile.TemporaryDirectory() as folder:
        if ARCHITECTURE:
            wheels.download(ARCHITECTURE, Path(folder))
            mounts[folder] = WHEELS
            lines += ["no-index = true", f"find-links = {WHEELS}"]
        configuration = Path(folder, "pip.conf")
        configuration.write_text("\n".join(["[global]", *lines, ""]))
        yield {**mounts, str(configuration): "/etc/pip.conf"}


def _pip_settings() -> Iterator[tuple[str, str]]:
    """Yield pip's settings: of its files, and of the environment, which comes last and wins."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    lines = listed.stdout.splitlines()
    for line in sorted(lines, key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        words = ast.literal_eval(value).split()
        # A folder of this machine is not there in the build.
        yield name.rpartition(".")[2], " ".join(w for w in words if not w.startswith("file:"))


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise BuildFailed(f"{' '.join(command[:2])}: {done.stdout.strip()[-OUTPUT_SHOWN:]}")
