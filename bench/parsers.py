"""What a parser keeps of what it has read: `python -m bench.parsers [documents]`.

Documents of all formats, no two the same, go through one parser, one after the other. A picture is
recognised in every SCANNED_EACH-th round: each takes a hundred times as long as a text.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from itertools import count, islice
from pathlib import Path
from typing import Final

import psutil
from PIL import Image, ImageDraw, ImageFont

from bench import pdfs
from bench.service import MIB
from ilios.core.settings import Settings
from ilios.engines import parser_memory
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.parsing import answer
from ilios.engines.parser_pool import ParserPool
from tests.siege import packages
from tests.support.sample_files import encoded

DOCUMENTS: Final = 10_000
FIRST: Final = 500  #: documents; what the parser holds then is what it is compared with
LOOK_EACH: Final = 100  #: documents
REST_SECONDS: Final = 0.5  #: before a look, beyond what it takes a parser to give back what is free
SCANNED_EACH: Final = 20  #: rounds
DEADLINE_SECONDS: Final = 300
LINES: Final = 40
SEED: Final = 20

Draw = random.Random
Make = Callable[[Draw], bytes]


def words(draw: Draw) -> str:
    return " ".join("".join(draw.choices("abcdefghilmnorstu", k=6)) for _ in range(12))


def lines(draw: Draw) -> list[str]:
    return [words(draw) for _ in range(draw.randint(1, LINES))]


def text(draw: Draw) -> bytes:
    return "\n\n".join(lines(draw)).encode()


def table(draw: Draw) -> bytes:
    return "\n".join(line.replace(" ", ",") for line in lines(draw)).encode()


def page(draw: Draw) -> bytes:
    body = "".join(f"<p>{line}</p>" for line in lines(draw))
    return f"<!doctype html><html><body><h1>{words(draw)}</h1>{body}</body></html>".encode()


def rich_text(draw: Draw) -> bytes:
    return ("{\\rtf1\\ansi " + "\\par ".join(lines(draw)) + "}").encode()


def word(draw: Draw) -> bytes:
    return packages.docx(
        "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines(draw))
    )


def slides(draw: Draw) -> bytes:
    return packages.deck(
        "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines(draw))
    )


def workbook(draw: Draw) -> bytes:
    rows = "".join(
        f'<row r="{number}"><c r="A{number}" t="inlineStr"><is><t>{line}</t></is></c></row>'
        for number, line in enumerate(lines(draw), start=1)
    )
    return packages.workbook(f"<sheetData>{rows}</sheetData>")


def open_text(draw: Draw) -> bytes:
    return packages.odt("".join(f"<text:p>{line}</text:p>" for line in lines(draw)))


def mail(draw: Draw) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@example.com", words(draw)
    message.set_content("\n".join(lines(draw)))
    message.add_attachment(word(draw), "application", "octet-stream", filename="a.docx")
    return message.as_bytes()


def book(draw: Draw) -> bytes:
    return packages.archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
            'container"><rootfiles><rootfile full-path="book.opf" '
            'media-type="application/oebps-package+xml"/></rootfiles></container>',
            "book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="c" '
            'href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine>'
            '<itemref idref="c"/></spine></package>',
            "c.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body>'
            + "".join(f"<p>{line}</p>" for line in lines(draw))
            + "</body></html>",
        }
    )


def pdf(draw: Draw) -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        return pdfs.write(Path(file.name), draw.randint(1, 5), mark=words(draw)).read_bytes()


def picture(kind: str) -> Make:
    def make(draw: Draw) -> bytes:
        image = Image.new("RGB", (draw.randint(500, 900), draw.randint(80, 200)), "white")
        font = ImageFont.load_default(28)
        ImageDraw.Draw(image).text((20, 20), words(draw)[:30], "black", font)
        return encoded(image, kind)

    return make


TEXTS: Final[dict[str, Make]] = {
    media_types.PLAIN: text,
    media_types.MARKDOWN: text,
    media_types.CSV: table,
    media_types.HTML: page,
    media_types.RTF: rich_text,
    media_types.DOCX: word,
    media_types.PPTX: slides,
    media_types.XLSX: workbook,
    media_types.ODT: open_text,
    media_types.EML: mail,
    media_types.EPUB: book,
    media_types.PDF: pdf,
}
PICTURES: Final[dict[str, Make]] = {
    media_types.PNG: picture("PNG"),
    media_types.JPEG: picture("JPEG"),
    media_types.WEBP: picture("WEBP"),
    media_types.TIFF: picture("TIFF"),
    media_types.GIF: picture("GIF"),
}


def documents(draw: Draw) -> Iterator[tuple[str, bytes]]:
    """Yield media types and documents without end."""
    kinds = list(PICTURES)
    for number in count():
        for media_type, make in TEXTS.items():
            yield media_type, make(draw)
        if number % SCANNED_EACH == 0:
            kind = kinds[number // SCANNED_EACH % len(kinds)]
            yield kind, PICTURES[kind](draw)


def convert(pool: ParserPool, folder: Path, media_type: str, content: bytes) -> None:
    """Convert a document. Raises RuntimeError when it gives no page."""
    source = Source(folder / "document", media_type, "document")
    source.path.write_bytes(content)
    task = {
        "path": str(source.path),
        "mediaType": media_type,
        "password": None,
        "fileName": source.file_name,
        "pages": None,
        "workspace": str(folder),
        "threads": 1,
    }
    answers = [message["type"] for message in pool.run(task, DEADLINE_SECONDS)]
    if "page" not in answers:
        raise RuntimeError(f"a document of {media_type} gave {answers}")


def parser() -> tuple[int, float]:
    """Return the parser's process id, and the MiB that it holds for itself."""
    held = [(child.pid, child.memory_full_info().uss) for child in psutil.Process().children()]
    pid, most = max(held, key=lambda one: one[1])
    return pid, most / MIB


def main() -> None:
    number = int(sys.argv[1]) if sys.argv[1:] else DOCUMENTS
    fields = Settings.model_fields
    pool = ParserPool(
        answer,
        fields["worker_memory_limit_bytes"].default,
        first_limit_bytes=fields["parser_memory_limit_bytes"].default,
    )
    draw = random.Random(SEED)  # noqa: S311  # not a secret
    held: dict[int, float] = {}
    pids = set()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for done, (media_type, content) in enumerate(islice(documents(draw), number), start=1):
            convert(pool, Path(folder), media_type, content)
            if done % LOOK_EACH == 0:
                time.sleep(parser_memory.AT_REST_SECONDS + REST_SECONDS)
                pid, held[done] = parser()
                pids.add(pid)
    pool.close()
    later = [mib for done, mib in held.items() if done > FIRST]
    print(f"documents                        {number:6} in {time.monotonic() - started:.0f} s")
    print(f"parser after the first {FIRST:6}    {held[FIRST]:6.1f} MiB")
    for name, mib in (("at the end", later[-1]), ("later at most", max(later))):
        print(f"parser {name:16}          {mib:6.1f} MiB ({mib / held[FIRST]:.2f})")
    print(f"processes seen                   {len(pids):6}")


if __name__ == "__main__":
    main()
