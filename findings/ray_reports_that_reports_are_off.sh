#!/usr/bin/env bash
# Ray: with its usage statistics off, `ray start` still tells its makers that they are off.
#
# One would guess: RAY_USAGE_STATS_ENABLED=0, or `--disable-usage-stats`, means that nothing is sent.
#
# What happens: the process of the dashboard, which runs also with `--include-dashboard=false`, sends one
# report to https://usage-stats.ray.io/ as soon as it has started: the moment, and that it comes from
# the open-source version; with them the address that it comes from. A cluster that `ray.init` has started
# sends none. RAY_USAGE_STATS_REPORT_URL, which is meant for Ray's own tests, names another address; if it
# is empty, nothing is sent.
#
# Why it matters: a machine that must be silent is not, though somebody has turned off all that there is
# to turn off.
#
# It sends nothing beyond this machine.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/run.py" <<'PYTHON'
import http.server
import os
import signal
import subprocess
import sys

import ray

SECONDS = 120
folder = sys.argv[1]
reports = []


class Maker(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        reports.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Maker)
server.timeout = SECONDS
environment = {
    **os.environ,
    "NO_PROXY": "127.0.0.1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": f"http://127.0.0.1:{server.server_port}/",
}
command = [
    os.path.join(os.path.dirname(sys.executable), "ray"), "start", "--head", "--block", "--port=0",
    "--num-cpus=1", "--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={folder}",
]
cluster = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
server.handle_request()
cluster.send_signal(signal.SIGTERM)
cluster.wait()
print(f"ray {ray.__version__}: {len(reports)} reports {reports}")
sys.exit(0 if reports else "Nothing was sent: the behaviour has changed.")
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder/ray"
