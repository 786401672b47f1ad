#!/usr/bin/env bash
# docling-slim: its extra for office formats cannot convert a Word file, for want of torch.
#
# One would guess: docling-slim is docling in small parts, and `docling-slim[format-office]` is the
# part for Word, Excel and PowerPoint. Such files need no model, so a DocumentConverter that may
# read nothing but DOCX works with what the extra installs.
#
# What happens: `from docling.document_converter import DocumentConverter`, the documented way to
# convert anything, imports the pipelines of all formats and with them the models of layout. It
# raises ModuleNotFoundError for torch, which no dependency of the extra brings, before any file is
# looked at.
#
# Why it matters: who chose the small package to keep gigabytes of torch out of an image for office
# files finds that it installs without a word and fails at the first import.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "docling-slim[format-office]==2.143.0"
cat > "$folder/run.py" <<'PYTHON'
import importlib.metadata
import sys

print("docling-slim", importlib.metadata.version("docling-slim"))
try:
    from docling.document_converter import DocumentConverter
except ModuleNotFoundError as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(0 if error.name == "torch" else "Something else is missing: the behaviour has changed.")
sys.exit(f"{DocumentConverter.__name__} was imported: the behaviour has changed.")
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
