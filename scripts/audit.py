"""`make audit`: looks up known vulnerabilities of the packages in the lock files.

Exit codes: 1 when there are any, also when not everything could be looked up; 0 when there are
none, or when the advisory service cannot be reached: then one line says that nothing was checked,
so that `make lint` works without a network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LOCKS: Final = ("requirements.lock", "requirements-dev.lock")
TIMEOUT_SECONDS: Final = 10  #: for one look-up
UNREACHABLE: Final = ("requests.exceptions.", "urllib3.exceptions.", "your network may be blocking")
SHOWN_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to print, and the exit code."""

    lines: list[str]
    exit_code: int


def main() -> int:
    locks = [word for lock in LOCKS for word in ("--requirement", lock)]
    done = subprocess.run(  # our own arguments
        [Path(sys.executable).with_name("pip-audit"), *locks, "--no-deps", "--disable-pip",
         "--progress-spinner", "off", "--timeout", str(TIMEOUT_SECONDS), "--format", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = verdict(done.stdout, done.stderr)
    print("\n".join(found.lines), file=sys.stderr if found.exit_code else sys.stdout)
    return found.exit_code


def verdict(report: str, complaint: str) -> Verdict:
    """Judge what pip-audit wrote to its standard output, and to its standard error."""
    try:
        dependencies = json.loads(report)["dependencies"]
    except ValueError:
        return _without_report(complaint)
    vulnerable = [one for one in dependencies if one.get("vulns")]
    unknown = sorted({one["name"] for one in dependencies if "skip_reason" in one})
    lines = [_vulnerability(one, found) for one in vulnerable for found in one["vulns"]]
    if len(unknown) == len({one["name"] for one in dependencies}):
        lines.append("audit: not checked: the advisory service answers for no package.")
    elif unknown:
        shown = ", ".join(unknown[:SHOWN_NAMES]) + (", …" if unknown[SHOWN_NAMES:] else "")
        lines.append(f"audit: not checked: {len(unknown)} packages ({shown}).")
    elif not vulnerable:
        lines.append(f"audit: no known vulnerability in {len(dependencies)} packages.")
    return Verdict(lines, 1 if vulnerable else 0)


def _without_report(complaint: str) -> Verdict:
    last = (complaint.strip().splitlines() or ["it said nothing"])[-1]
    if any(word in complaint for word in UNREACHABLE):
        return Verdict(
            [f"audit: not checked: the advisory service cannot be reached ({last:.200})."], 0
        )
    return Verdict([f"audit: pip-audit failed: {last:.500}"], 1)


def _vulnerability(dependency: dict[str, Any], found: dict[str, Any]) -> str:
    fixed = " or ".join(found.get("fix_versions", [])) or "no version yet"
    return (
        f"audit: {dependency['name']} {dependency['version']} has {found['id']}, "
        f"fixed in {fixed}: change pyproject.toml, then `make lock`."
    )


if __name__ == "__main__":
    sys.exit(main())
