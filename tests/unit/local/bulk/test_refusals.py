"""What the machine refuses: told once, with the remedy."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ilios.core.errors import StartupError
from ilios.local.bulk import refusals


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/results"), "The disk of /results is"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk of TARGET, or that of"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied."),
        (TimeoutError("too late"), "too late."),
    ],
)
def test_an_error_of_the_machine_is_one_line(error: OSError, line: str) -> None:
    with pytest.raises(StartupError) as raised, refusals.told():
        raise error

    assert raised.value.detail.startswith(line)


def test_a_disk_with_little_room_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals.require_room(tmp_path)
    monkeypatch.setattr(refusals, "ROOM_BYTES", 1 << 62)

    with pytest.raises(StartupError, match="make room there"):
        refusals.require_room(tmp_path)
