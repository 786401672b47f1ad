"""nginx, HAProxy and Caddy before a service, each as little configured as it can be."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.api_server import Connection, free_port
from tests.support.waiting import wait_until

START_TIMEOUT_S = 30.0
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  #: not in everybody's PATH
USER = "user root;" if os.geteuid() == 0 else ""  #: else nginx may not write to its folder

_NGINX = """\
daemon off; {user}
pid {folder}/pid;
error_log {folder}/errors;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused; uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    upstream service {{ server 127.0.0.1:{target}; {upstream} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://service; {location} }}
    }}
}}
"""
_HAPROXY = """\
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend clients
    bind 127.0.0.1:{port}
    default_backend service
backend service
    server service 127.0.0.1:{target}
"""
_CADDY = """\
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{target}
}}
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A proxy, its configuration, and how it is started with that."""

    program: str
    configuration: str
    arguments: tuple[str, ...]
    upstream: str = ""
    location: str = ""


NGINX = ("-c", "{file}", "-p", "{folder}", "-e", "{folder}/errors")
KINDS = {
    "nginx": Kind("nginx", _NGINX, NGINX),
    "nginx with keepalive": Kind(
        "nginx",
        _NGINX,
        NGINX,
        upstream="keepalive 16;",
        location='proxy_http_version 1.1; proxy_set_header Connection "";',
    ),
    "HAProxy": Kind("haproxy", _HAPROXY, ("-f", "{file}")),
    "Caddy": Kind("caddy", _CADDY, ("run", "--adapter", "caddyfile", "--config", "{file}")),
}


def path_of(program: str) -> str | None:
    """Return the path of a program, or None where it is not installed."""
    return shutil.which(program, path=f"{os.environ['PATH']}:{SYSTEM_FOLDERS}")


class Proxy:
    """A running proxy."""

    def __init__(self, kind: Kind, folder: Path, target: int) -> None:
        self.port = free_port()
        self.log_path = folder / "log"
        file = folder / "configuration"
        values = {"folder": folder, "port": self.port, "target": target, "file": file}
        options = {"upstream": kind.upstream, "location": kind.location, "user": USER}
        file.write_text(kind.configuration.format(**values, **options))
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [str(path_of(kind.program)), *(one.format(**values) for one in kind.arguments)],
                env={**os.environ, **home},
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(self._answers, START_TIMEOUT_S)
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(self.log_path.read_text())
        try:
            with Connection(self.port) as connection:
                return connection.ask("GET", "/livez")[0] == 200
        except OSError:
            return False

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
