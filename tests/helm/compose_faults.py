"""Hold Compose files against the model of their specification: `compose_faults.py FILE…`.

Prints a JSON object with what is wrong by file. It runs in .venv-helm, which has the model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml
from compose_viz.spec.compose_spec import ComposeSpecification
from pydantic import ValidationError


def main() -> None:
    print(json.dumps({path: faults(Path(path)) for path in sys.argv[1:]}))


def faults(path: Path) -> list[str]:
    """Return the place and the fault of each; extensions are left out, which the model lacks."""
    content = yaml.safe_load(path.read_text())
    known = {name: value for name, value in content.items() if not name.startswith("x-")}
    try:
        ComposeSpecification.model_validate(known)
    except ValidationError as error:
        return [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False)
        ]
    return []


if __name__ == "__main__":
    main()
