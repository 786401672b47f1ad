"""The command line of `ilios bulk`, up to where Ray is needed; tests/bulk has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ilios.cli import bulk


def invoked(*arguments: str | Path) -> Result:
    return CliRunner().invoke(bulk.command, list(map(str, arguments)))


@pytest.mark.parametrize(
    ("source", "target"),
    [("{0}", "{0}/results"), ("{0}", "{0}"), ("s3://a", "s3://a/b"), ("s3://a/b/", "s3://a/b/c")],
)
def test_a_target_within_its_source_is_refused(tmp_path: Path, source: str, target: str) -> None:
    result = invoked(source.format(tmp_path), target.format(tmp_path))

    assert result.exit_code == 2
    assert "TARGET lies in SOURCE" in result.output


@pytest.mark.parametrize("address", ["local", "ray://host:10001", "host", ""])
def test_an_address_of_no_cluster_is_refused(tmp_path: Path, address: str) -> None:
    result = invoked(tmp_path, "elsewhere", "--address", address)

    assert result.exit_code == 2
    assert "HOST:PORT" in result.output


def test_pages_that_are_none_are_refused(tmp_path: Path) -> None:
    result = invoked(tmp_path, "elsewhere", "--pages", "x")

    assert result.exit_code == 2
    assert "pages" in result.output


def test_without_its_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "EXTRA", ("no_such_package",))

    result = invoked(tmp_path, tmp_path.with_name("results"))

    assert result.exit_code == 1
    assert "pip install no_such_package" in str(result.exception)


@pytest.mark.parametrize("named", ["gs://bucket/in", "https://host/in", "S3://bucket/in", ""])
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_neither_a_path_nor_in_a_bucket_is_refused(
    tmp_path: Path, named: str, place: int
) -> None:
    arguments = [str(tmp_path), str(tmp_path)]
    arguments[place] = named

    result = invoked(*arguments)

    assert result.exit_code == 2
    assert "s3://BUCKET/PREFIX" in result.output
