#!/usr/bin/env bash
# onnxruntime: the Linux wheel of the package index collects telemetry, and importing it is enough.
#
# One would guess: a library that runs models on the machine writes nothing and reports to nobody; its
# telemetry was known from Windows only.
#
# What happens: `import onnxruntime`, without a model or a session, makes an id of the machine
# (`deviceid`) and a database of events that wait to be sent (`onnxruntime.db`) below `~/.cache/Microsoft`,
# and a file `.ses` in the folder for temporary files. With ORT_DISABLE_TELEMETRY=1 none of them is
# made; the variable has to be set before the import. Nothing is written either where CI is set, so that
# a build does not show it.
#
# Why it matters: a program that promises to work without a network gets an id and a sender with a
# library that is said to do arithmetic, and its read-only or checked folders get files of their own.
#
# It looks at files only, and leaves HOME and the temporary folder of whoever runs it alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0

# Imports the library with only these variables, and prints the names of the files that it made.
files_made() {
  local own="$folder/$1"
  shift
  mkdir -p "$own/home" "$own/tmp"
  env -i PATH="$PATH" HOME="$own/home" TMPDIR="$own/tmp" "$@" \
    "$folder/venv/bin/python" -c 'import onnxruntime'
  find "$own" -type f -printf '%f\n' | LC_ALL=C sort | xargs
}

echo "onnxruntime $("$folder/venv/bin/python" -c 'from importlib.metadata import version; print(version("onnxruntime"))')"
by_default=$(files_made by_default)
disabled=$(files_made disabled ORT_DISABLE_TELEMETRY=1)
in_ci=$(files_made in_ci CI=true)
echo "files made by the import: $by_default"
echo "with ORT_DISABLE_TELEMETRY=1: ${disabled:-none}"
echo "with CI=true: ${in_ci:-none}"
[[ $by_default == ".ses deviceid onnxruntime.db"* && -z $disabled && -z $in_ci ]]
