#!/usr/bin/env bash
# Ray: `ray.init` on this machine alone listens on all its addresses, also when the loopback is named.
#
# One would guess: `ray.init(address="local", _node_ip_address="127.0.0.1")` starts processes that
# listen on the loopback.
#
# What happens: on Linux Ray replaces 127.0.0.1 by the address by which this machine reaches others, and
# several of its ports, of the control store and of the workers, listen on `::`, which is all. What reaches them
# can run code. On macOS and Windows it keeps to the loopback, and on Linux too with
# RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0, which is documented for those systems only.
#
# Why it matters: a command that uses Ray for the cores of one machine opens that machine to its network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0 psutil==7.2.2
cat > "$folder/run.py" <<'PYTHON'
import sys

import psutil
import ray

ray.init(
    address="local",
    num_cpus=1,
    include_dashboard=False,
    _node_ip_address="127.0.0.1",
    _temp_dir=sys.argv[1],
    log_to_driver=False,
)
processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
addresses = {
    connection.laddr.ip
    for process in processes
    for connection in process.net_connections("inet")
    if connection.status == psutil.CONN_LISTEN
}
ray.shutdown()
print(*sorted(addresses))
PYTHON

# Starts Ray with only these variables, and prints the addresses on which it listens.
listens_on() {
  env -i PATH="$PATH" HOME="$folder" RAY_USAGE_STATS_ENABLED=0 "$@" \
    "$folder/venv/bin/python" "$folder/run.py" "$folder/ray" 2> "$folder/log"
}

by_default=$(listens_on)
held=$(listens_on RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0)
echo "listens on: $by_default"
echo "with RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0: $held"
[[ $by_default == *" ::" && $held == "127.0.0.1 ::ffff:127.0.0.1" ]]
