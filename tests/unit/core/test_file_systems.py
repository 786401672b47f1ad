"""File systems of other machines, on which SQLite loses data."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.core import file_systems, platform
from ilios.core.errors import DatabaseRefused
from ilios.core.file_systems import NETWORK_TYPES, require_local


@pytest.mark.parametrize("kind", sorted(NETWORK_TYPES))
def test_a_folder_of_another_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounts = f"/dev/sda / ext4 rw 0 0\nnas:/export {tmp_path} {kind} rw 0 0\n"
    monkeypatch.setattr(platform, "mounts", lambda: mounts)

    with pytest.raises(DatabaseRefused, match="DATABASE_URL"):
        require_local(tmp_path / "data")


def test_the_folders_of_the_tests_are_local(tmp_path: Path) -> None:
    require_local(tmp_path)

    assert file_systems.type_of(tmp_path, "") == "unknown"
