from __future__ import annotations

import os
import stat
import string
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ilios.core.errors import StartupError
from ilios.core.request_errors import LinkInvalid
from ilios.storage.signed_links import Link, LinkSigner

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIGNER = LinkSigner(b"k" * 32)
DOWNLOAD = Link(
    "GET",
    "documents/instance/document/source.pdf",
    NOW + timedelta(minutes=5),
    file_name="Bericht für 東京.pdf",
    media_type="application/pdf",
)
RACER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ilios.storage.signed_links import Link, LinkSigner

print("ready", flush=True)
sys.stdin.readline()
signer = LinkSigner.from_file(Path(sys.argv[1]))
print(signer.sign(Link("GET", "key", datetime(2026, 1, 1, tzinfo=UTC))))
"""
UPLOAD = Link("PUT", "incoming/instance/document", NOW + timedelta(hours=1), size_bytes=1 << 40)


@pytest.mark.parametrize("link", [DOWNLOAD, UPLOAD], ids=["GET", "PUT"])
def test_a_token_gives_its_link_back(link: Link) -> None:
    assert SIGNER.read(SIGNER.sign(link), link.method, NOW) == link


def test_a_token_needs_no_escaping_in_a_path() -> None:
    allowed = set(string.ascii_letters + string.digits + "-_.")

    assert set(SIGNER.sign(DOWNLOAD)) <= allowed


def test_the_longest_token_fits_a_request_line() -> None:
    name = "\N{PILE OF POO}" * 63
    link = Link("GET", "k" * 255, NOW, file_name=name, media_type="m" * 100)

    assert len(SIGNER.sign(link)) < 2000


def test_a_link_ends_at_its_expiry() -> None:
    token = SIGNER.sign(DOWNLOAD)

    assert SIGNER.read(token, "GET", DOWNLOAD.expires_at - timedelta(seconds=1)) == DOWNLOAD
    with pytest.raises(LinkInvalid):
        SIGNER.read(token, "GET", DOWNLOAD.expires_at)


@pytest.mark.parametrize(
    ("link", "method"), [(DOWNLOAD, "PUT"), (UPLOAD, "GET"), (DOWNLOAD, "DELETE")]
)
def test_a_link_serves_its_own_method_only(link: Link, method: str) -> None:
    with pytest.raises(LinkInvalid):
        SIGNER.read(SIGNER.sign(link), method, NOW)


def test_a_changed_token_is_refused() -> None:
    token = SIGNER.sign(UPLOAD)

    for place, letter in enumerate(token):
        if place == len(token) - 1:
            break  # the last letter of base64 has bits that carry nothing
        changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        with pytest.raises(LinkInvalid):
            SIGNER.read(changed, "PUT", NOW)


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(LinkInvalid):
        LinkSigner(b"x" * 32).read(SIGNER.sign(UPLOAD), "PUT", NOW)


@pytest.mark.parametrize("token", ["", ".", "a.b", "ä", "x" * 5000, "\0", "a/b.c"])
def test_what_never_was_a_token_is_refused(token: str) -> None:
    with pytest.raises(LinkInvalid):
        SIGNER.read(token, "GET", NOW)


def test_a_token_of_another_shape_is_refused() -> None:
    """As after an update that changed what a token carries."""
    payloads: list[object] = [
        [],
        ["GET"],
        {},
        "GET",
        ["GET", "k", "soon", None, None, None],
        [1] * 9,
    ]
    for payload in payloads:
        token = SIGNER._serializer.dumps(payload)
        with pytest.raises(LinkInvalid):
            SIGNER.read(str(token), "GET", NOW)


def test_the_signing_key_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"

    token = LinkSigner.from_file(path).sign(UPLOAD)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert LinkSigner.from_file(path).read(token, "PUT", NOW) == UPLOAD
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_race_for_the_key_end_up_with_one(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, tmp_path / "signing.key"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"

    signed = {token for token, _ in [racer.communicate("go\n") for racer in racers]}

    assert len(signed) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_stops_the_start(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "signing.key"
    LinkSigner.from_file(path)
    path.chmod(mode)

    with pytest.raises(StartupError, match=f"chmod 600 {path}"):
        LinkSigner.from_file(path)


@pytest.mark.parametrize("content", ["", "secret", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "\n\n"])
def test_a_file_that_is_no_key_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "signing.key"
    path.touch(mode=0o600)
    path.write_text(content)

    with pytest.raises(StartupError, match="does not hold a signing key") as refused:
        LinkSigner.from_file(path)

    assert "\n" not in refused.value.detail


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="No such file or directory"):
        LinkSigner.from_file(tmp_path / "nowhere" / "signing.key")


def test_the_key_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        LinkSigner.from_file(tmp_path / "signing.key")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "signing.key").stat().st_mode) == 0o600
