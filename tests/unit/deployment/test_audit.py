"""What `make audit` makes of pip-audit's words: nothing that was found is ever hidden."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.audit import verdict

SOUND = {"name": "alembic", "version": "1.20.1", "vulns": []}
VULNERABLE = {
    "name": "flask",
    "version": "3.1.3",
    "vulns": [{"id": "CVE-2026-0001", "fix_versions": ["3.1.4"]}],
}
SKIPPED = {"name": "click", "skip_reason": "Dependency not found"}


def judged(*dependencies: dict[str, Any]) -> tuple[int, str]:
    found = verdict(json.dumps({"dependencies": dependencies}), "")
    return found.exit_code, "\n".join(found.lines)


def test_a_vulnerability_is_named_and_fails_also_when_others_could_not_be_checked() -> None:
    code, said = judged(SOUND, VULNERABLE, SKIPPED)
    assert code == 1
    assert "flask 3.1.3 has CVE-2026-0001, fixed in 3.1.4" in said
    assert "not checked: 1 packages (click)" in said


def test_without_any_everything_is_well() -> None:
    assert judged(SOUND) == (0, "audit: no known vulnerability in 1 packages.")


def test_a_service_that_knows_no_package_has_checked_nothing() -> None:
    code, said = judged(SKIPPED)
    assert code == 0
    assert said.startswith("audit: not checked: ")


@pytest.mark.parametrize(
    "complaint",
    [
        "requests.exceptions.ConnectionError: Name or service not known",
        "ERROR:pip_audit._cli:Tip: your network may be blocking this service.",
    ],
)
def test_an_unreachable_service_has_checked_nothing(complaint: str) -> None:
    found = verdict("", f"Traceback\n{complaint}\n")
    assert found.exit_code == 0
    assert found.lines[0].startswith("audit: not checked: the advisory service cannot be reached")


def test_any_other_failure_is_a_failure() -> None:
    found = verdict("", "ERROR:pip_audit._cli:invalid requirements file\n")
    assert found.exit_code == 1
    assert "invalid requirements file" in found.lines[0]
