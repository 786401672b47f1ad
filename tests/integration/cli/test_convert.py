"""`ilios convert` without a service, as a process: what it writes, says and ends with."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ilios.local.converter import default_concurrency
from tests.support import protected
from tests.support.forking import LIKE_A_USER, REPOSITORY, run_python, start_python
from tests.support.protected import PASSWORD
from tests.support.sample_files import noise, pdf, picture, text
from tests.support.sick import long_pdf
from tests.support.terminals import shown_on
from tests.support.waiting import wait_until
from tests.support.web_servers import Ear, reply, serving

SAMPLES = REPOSITORY / "samples"
INVOICE, NOTES, LETTER = (
    SAMPLES / name for name in ("invoice.pdf", "meeting-notes.docx", "scanned-letter.pdf")
)
HEAVY = {
    "pydantic",
    "flask",
    "sqlalchemy",
    "werkzeug",
    "gunicorn",
    "boto3",
    "mistralai",
    "httpx2",
    "alembic",
}
INTERRUPTED, ENDED = 128 + signal.SIGINT, 128 + signal.SIGTERM
ENVIRONMENT = {"PATH": os.environ["PATH"], "PORT": "none", "DATABASE_URL": "postgres://x"}
"""With settings that a service would refuse: they are none of this command's business."""


def convert(
    *arguments: str | Path, folder: Path, stdin: bytes | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    if stdin is None:
        environment = {**ENVIRONMENT, "TMPDIR": str(folder), **variables}
        return run_python(
            "-m", "ilios", "convert", *arguments, environment=environment, folder=folder
        )
    done = subprocess.run(
        [sys.executable, "-m", "ilios", "convert", *arguments],
        input=stdin, cwd=folder, env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, check=False,
    )  # fmt: skip
    said = (done.stdout.decode(), done.stderr.decode())
    return subprocess.CompletedProcess(done.args, done.returncode, *said)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a folder of what became of documents of all kinds, of which two are none."""
    folder = tmp_path_factory.mktemp("results")
    docs = folder / "docs"
    (docs / "deep").mkdir(parents=True)
    for sample in (INVOICE, NOTES):
        shutil.copy(sample, docs)
    shutil.copy(INVOICE, docs / "deep" / "meeting-notes.pdf")
    shutil.copy(INVOICE, docs / "meeting-notes.pdf")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7\n" + os.urandom(500))
    shutil.copy(REPOSITORY / "tests" / "samples" / "encrypted.pdf", docs)
    (docs / "program.exe").write_bytes(b"MZ")
    done = convert("docs", "gone.pdf", "-o", "out", folder=folder)
    (folder / "stderr").write_text(done.stderr)
    (folder / "stdout").write_text(done.stdout)
    (folder / "code").write_text(str(done.returncode))
    return folder


def test_every_document_has_a_file_and_those_with_equal_stems_keep_their_extensions(
    results: Path,
) -> None:
    files = sorted(str(p.relative_to(results / "out")) for p in (results / "out").rglob("*.*"))

    assert files == [
        "deep/meeting-notes.md", "invoice.md", "meeting-notes.docx.md", "meeting-notes.pdf.md",
    ]  # fmt: skip
    assert "Invoice 2026-0417" in (results / "out" / "invoice.md").read_text()


def test_each_document_without_a_result_is_one_line_and_the_exit_code_is_1(results: Path) -> None:
    lines = (results / "stderr").read_text().splitlines()

    assert [line.split(":")[1].strip() for line in lines] == [
        "docs/broken.pdf", "docs/encrypted.pdf", "gone.pdf",
    ]  # fmt: skip
    assert "--password-stdin" in lines[1]
    assert "No such file" in lines[2]
    assert (results / "code").read_text() == "1"
    assert (results / "stdout").read_text() == ""


def test_results_may_be_read_by_whom_the_user_lets_read_files(results: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)

    assert (results / "out" / "invoice.md").stat().st_mode & 0o777 == 0o666 & ~umask


def test_results_go_to_standard_output_in_the_order_of_the_arguments(tmp_path: Path) -> None:
    done = convert(LETTER, NOTES, INVOICE, folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    places = [done.stdout.index(word) for word in ("Harbour Library", "Wanjiru", "2026-0417")]
    assert places == sorted(places)
    assert done.stdout.endswith(convert(INVOICE, folder=tmp_path).stdout)
    assert list(tmp_path.iterdir()) == []  # nothing is left of what it wrote meanwhile


def test_it_reads_standard_input_under_a_name(tmp_path: Path) -> None:
    done = convert("-", folder=tmp_path, stdin=INVOICE.read_bytes())
    assert done.stdout == convert(INVOICE, folder=tmp_path).stdout

    done = convert("-", "--name", "t.csv", "-o", ".", folder=tmp_path, stdin=b"a,b\n1,2\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "t.md").read_text() == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_a_newer_result_stays_unless_it_is_forced(tmp_path: Path) -> None:
    shutil.copy(INVOICE, tmp_path)
    result = tmp_path / "invoice.md"
    result.write_text("mine")

    assert convert("invoice.pdf", "-o", ".", folder=tmp_path).returncode == 0
    assert result.read_text() == "mine"

    assert convert("invoice.pdf", "-o", ".", "--force", folder=tmp_path).returncode == 0
    assert "2026-0417" in result.read_text()

    result.write_text("mine")
    os.utime(result, ns=(0, 0))
    assert convert("invoice.pdf", "-o", ".", folder=tmp_path).returncode == 0
    assert "2026-0417" in result.read_text()


def test_pages_and_text(tmp_path: Path) -> None:
    (tmp_path / "two.pdf").write_bytes(pdf(text("First * page"), text("Second page")))

    second = convert("two.pdf", "--pages", "2", folder=tmp_path).stdout
    plain = convert("two.pdf", "--format", "text", folder=tmp_path).stdout

    assert second == "Second page"
    assert plain == "First * page\n\nSecond page"
    beyond = convert("two.pdf", "--pages", "3", folder=tmp_path)
    assert beyond.returncode == 1
    assert "has 2 pages" in beyond.stderr


def test_images_lie_beside_the_result_if_they_are_wanted(tmp_path: Path) -> None:
    pages = pdf(text("A figure:"), text("x") + picture(100, 300, 300, 200), image=noise(600, 400))
    (tmp_path / "my figures.pdf").write_bytes(pages)

    assert convert("my figures.pdf", "-o", "plain", folder=tmp_path).returncode == 0
    assert convert("my figures.pdf", "-o", "full", "--images", folder=tmp_path).returncode == 0

    assert [path.name for path in (tmp_path / "plain").iterdir()] == ["my figures.md"]
    (image,) = (tmp_path / "full" / "my figures-images").iterdir()
    markdown = (tmp_path / "full" / "my figures.md").read_text()
    assert f"](my%20figures-images/{image.name})" in markdown
    assert image.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--schema", INVOICE), "--server"),
        (("--images",), "-o DIR"),
        (("-o", ""), "no folder"),
        (("--pages", "0"), "pages"),
        (("--server", "localhost:1337"), "http://localhost:1337"),
        (("--server", "http://[::1"), "no URL"),
        (("--api-key", "two\nlines"), "API key"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = convert(INVOICE, *arguments, folder=tmp_path)

    assert done.returncode == 2
    assert says in done.stderr


def test_a_folder_that_cannot_be_searched_is_one_line_and_the_others_go_on(tmp_path: Path) -> None:
    shutil.copy(INVOICE, tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)

    done = subprocess.run(
        [*LIKE_A_USER, sys.executable, "-m", "ilios", "convert", tmp_path],
        cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == f"ilios: {closed}: Permission denied.\n"
    assert "2026-0417" in done.stdout


def test_an_output_that_takes_no_more_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full, (tmp_path / "log").open("wb") as log:
        process = start_python(
            "-m", "ilios", "convert", INVOICE, environment=ENVIRONMENT, stdout=full, stderr=log
        )
        assert process.wait(60) == 1

    assert (tmp_path / "log").read_text() == "Error: standard output: No space left on device.\n"


def test_a_url_is_fetched_and_its_file_is_called_by_its_path(tmp_path: Path) -> None:
    named = reply(b"a,b\n1,2\n", Content_Disposition='attachment; filename="table.csv"')
    with serving(named) as server:
        done = convert(
            server.url("/my%20table"), "-o", ".", "--url-allow", f"127.0.0.1:{server.port}",
            folder=tmp_path,
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "my table.md").read_text() == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_an_address_that_is_not_public_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with closing(Ear()) as ear:
        url = f"http://127.0.0.1:{ear.port}/a.pdf"
        done = convert(url, INVOICE, folder=tmp_path)
        assert not ear.has_heard

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ilios: {url}: ")
    assert "loopback" in line
    assert "URL_ALLOW" in line
    assert "2026-0417" in done.stdout


@pytest.mark.parametrize(
    ("answer", "allowed", "says"),
    [
        (reply(b"", "404 Not Found"), "127.0.0.1", "404"),
        (reply(b"MZ\x90\x00" + bytes(100)), "127.0.0.1", "Accepted are PDF"),
        (reply(b""), "127.0.0.1", "without content"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n%PDF-", "127.0.0.1", "5 bytes"),
        (reply(b"text"), "10.0.0.0/33", "URL_ALLOW: "),
    ],
    ids=["no page", "no document", "empty", "cut off", "no list"],
)
def test_what_no_document_comes_from_is_one_line(
    tmp_path: Path, answer: bytes, allowed: str, says: str
) -> None:
    with serving(answer) as server:
        done = convert(server.url("/a"), "--url-allow", allowed, folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ilios: {server.url('/a')}: ")
    assert says in line


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, ENDED)]
)
def test_a_stop_leaves_whole_results_alone(tmp_path: Path, number: int, code: int) -> None:
    notes = [tmp_path / f"{place}.txt" for place in range(2)]
    for place, path in enumerate(notes):
        path.write_text(f"Note {place}\n\nwith some lines\n\nof text")
    endless = [tmp_path / f"endless-{place}.pdf" for place in range(default_concurrency() + 1)]
    pages = long_pdf()
    for path in endless:
        path.write_bytes(pages)
    out = tmp_path / "out"
    with (tmp_path / "log").open("wb") as log:
        process = start_python(
            "-m", "ilios", "convert", *notes, *endless, "-o", out,
            environment={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}, stdout=log,
        )  # fmt: skip
        wait_until(lambda: any(out.glob("*.md")), 60)  # not only a draft of one
        process.send_signal(number)

        assert process.wait(60) == code, (tmp_path / "log").read_text()

    files = list(out.iterdir())
    assert files
    assert {path.name for path in files} <= {f"{path.stem}.md" for path in notes}
    assert all("of text" in path.read_text() for path in files)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("ilios-")] == []
    assert (tmp_path / "log").read_text() == ""


def test_a_terminal_shows_how_far_it_is_and_a_pipe_does_not(tmp_path: Path) -> None:
    terminal, theirs = pty.openpty()
    with (tmp_path / "out.md").open("wb") as output, os.fdopen(theirs, "wb") as errors:
        process = start_python(
            "-m", "ilios", "convert", INVOICE, tmp_path / "gone.pdf",
            environment={**ENVIRONMENT, "TERM": "xterm"}, stdout=output, stderr=errors,
        )  # fmt: skip
        assert process.wait(60) == 1
    shown = shown_on(terminal).decode()

    assert "Converting" in shown
    assert "2/2" in shown
    assert "gone.pdf: No such file" in shown


def test_a_result_on_a_terminal_does_not_steer_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"before \x1b[31m after\nnext line")
    terminal, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as both:
        process = start_python(
            "-m", "ilios", "convert", tmp_path / "a.txt",
            environment={**ENVIRONMENT, "TERM": "xterm"}, stdout=both,
        )  # fmt: skip
        assert process.wait(60) == 0
    shown = shown_on(terminal)

    assert b"before" in shown
    assert shown.endswith(b"next line\r\n")
    assert b"\x1b" not in shown


LOADED = """
import sys
from ilios.cli.main import main
main(["convert", sys.argv[1], "-o", sys.argv[2]], standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""


def test_it_loads_nothing_of_a_service(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, INVOICE, tmp_path],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert (tmp_path / "invoice.md").exists()
    assert not HEAVY & set(done.stderr.split())


def test_a_password_opens_what_is_protected(tmp_path: Path) -> None:
    docx = tmp_path / "notes.docx"
    docx.write_bytes(protected.locked(NOTES.read_bytes()))
    files = (protected.path(), docx, INVOICE)

    by_stdin = convert(
        *files, "--password-stdin", folder=tmp_path, stdin=f"{PASSWORD}\r\nmore".encode()
    )
    by_variable = convert(*files, folder=tmp_path, ILIOS_PASSWORD=PASSWORD)

    assert by_stdin.returncode == 0, by_stdin.stderr
    assert protected.TEXT in by_stdin.stdout
    assert "2026-0417" in by_stdin.stdout
    assert by_variable.stdout == by_stdin.stdout


def test_a_wrong_password_is_one_line(tmp_path: Path) -> None:
    done = convert(protected.path(), folder=tmp_path, ILIOS_PASSWORD=protected.WRONG)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "does not open the PDF" in line
    assert protected.WRONG not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("--password-stdin",), b"\n", "no password on standard input"),
        (("--password-stdin",), b"", "no password on standard input"),
        (("--password-stdin",), b"p\xff\n", "no text in UTF-8"),
        (("--password-stdin",), b"p\0q\n", "has a NUL in it"),
        (("--password-stdin", "-"), b"x", "ILIOS_PASSWORD"),
        (("--password", "secret"), None, "No such option"),
    ],
)
def test_a_password_is_no_argument_and_is_there(
    arguments: tuple[str, ...], stdin: bytes | None, words: str, tmp_path: Path
) -> None:
    done = convert(protected.path(), *arguments, folder=tmp_path, stdin=stdin)

    assert done.returncode == 2
    assert words in done.stderr
