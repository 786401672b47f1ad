"""The data folder's own files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from tests.support.power_cut import Record


def test_a_node_id_is_drawn_once_and_survives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path)
    record = Record(monkeypatch)

    first = data_folder.node_id(settings)

    path = data_folder.node_id_file(settings)
    assert record.bytes_were_safe_before_the_name(path)
    assert record.unsafe_names() == []
    assert first == path.read_text() == data_folder.node_id(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
