#!/usr/bin/env bash
# Ray: a folder that is given to `ray.init` for its files is made writable for everybody.
#
# One would guess: a private folder (mode 0700) that is named by `_temp_dir`, or `ray start --temp-dir`,
# stays private; a program that makes one with mkdtemp for Ray keeps other users out.
#
# What happens: Ray sets the mode of that folder, and of those below it, to 0777, without the sticky bit of
# /tmp, so that several users can share it.
#
# Why it matters: any user of the machine can rename and replace what lies there, sockets and a token for
# Ray among it, and what else the program keeps in that folder. A private folder around the one that
# Ray is given keeps the others out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
mkdir -m 0700 "$folder/private"
cat > "$folder/run.py" <<'PYTHON'
import sys

import ray

ray.init(
    address="local", num_cpus=1, include_dashboard=False, _temp_dir=sys.argv[1], log_to_driver=False
)
ray.shutdown()
PYTHON
before=$(stat --format %a "$folder/private")
RAY_USAGE_STATS_ENABLED=0 RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 \
  "$folder/venv/bin/python" "$folder/run.py" "$folder/private" 2> "$folder/log"
after=$(stat --format %a "$folder/private")
echo "mode of the folder before: $before, after: $after"
[[ $before == 700 && $after == 777 ]]
