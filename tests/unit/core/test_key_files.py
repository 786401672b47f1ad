"""Keys of a data folder: made once, and the service's alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.core import key_files
from ilios.core.errors import StartupError


def test_a_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "a.key"

    key = key_files.read_or_create(path, "something is lost")

    assert len(key) == key_files.KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert key_files.read_or_create(path, "something is lost") == key


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [("0" * 64, 0o644, "chmod 600"), ("0" * 63, 0o600, "and something is lost")],
)
def test_a_key_that_is_none_or_open_to_others_is_refused(
    tmp_path: Path, content: str, mode: int, said: str
) -> None:
    path = tmp_path / "a.key"
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(StartupError, match=said):
        key_files.read_or_create(path, "something is lost")
