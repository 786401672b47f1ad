#!/usr/bin/env bash
# jsonschema with rfc3987-syntax beside it: the import builds a parser for addresses.
#
# One would guess: checking of formats is off unless a validator is given a FormatChecker, so the
# package that knows the format `iri` is imported when somebody checks that format. To install it, as
# another package's extra does, costs nothing until then.
#
# What happens: jsonschema imports whatever packages for formats it finds, as soon as it is imported
# itself. The one for `iri` and `iri-reference`, rfc3987-syntax, compiles a grammar of all their
# rules with lark when it is imported. Every process that imports jsonschema, for whatever reason,
# builds that parser first, and most of them never use it.
#
# Why it matters: a process that starts often (a worker, a command, each of a test suite's) spends
# seconds on nothing, and the cause is not in what it imports: it is what else lies in the same
# environment. Here cyclonedx-bom, a tool for bills of materials, brought it along.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" jsonschema==4.26.0 attrs==26.1.0 referencing==0.37.0 rpds-py==2026.9.1 \
  jsonschema-specifications==2025.9.1
cat > "$folder/run.py" <<'PYTHON'
import sys
import time

begun = time.process_time()
import jsonschema  # noqa: E402, F401

print(f"{time.process_time() - begun:.2f} {'lark' in sys.modules}")
PYTHON
run() { "$folder/venv/bin/python" "$folder/run.py"; }
run > "$folder/discarded" # compiles the bytecode
without=$(run)
"${pip[@]}" rfc3987-syntax==1.1.0 lark==1.3.1
run > "$folder/discarded"
with=$(run)
echo "jsonschema 4.26.0: seconds of its import, and whether a grammar was built"
echo "  alone:                     $without"
echo "  beside rfc3987-syntax 1.1.0: $with"
read -r seconds_without built_without <<< "$without"
read -r seconds_with built_with <<< "$with"
[[ $built_without == False && $built_with == True ]]
awk -v a="$seconds_with" -v b="$seconds_without" 'BEGIN { exit !(a > 3 * b) }'
