"""Mails that grow: parts, heads, nesting, encoded words, and lies about charsets."""

from __future__ import annotations

import base64
from typing import Final

import compressed_rtf

from ilios.engines.detection import media_types
from tests.support.compound_files import Tree, binary, compound, short, text
from tests.unit.engines.embedded.linear.growth import Case, lines, numbers

HEAD: Final = "From: a@b.example\nSubject: x\nMIME-Version: 1.0\n"


def _multipart(n: int, part: str, kind: str = "mixed") -> bytes:
    head = f"{HEAD}Content-Type: multipart/{kind}; boundary=b\n\n"
    return (head + numbers(n, f"--b\n{part}\n") + "--b--\n").encode()


def body_signs(n: int) -> bytes:
    return (f"{HEAD}\n" + "\n\n".join(lines(n))).encode()


def flowed(n: int) -> bytes:
    return (f"{HEAD}Content-Type: text/plain; format=flowed\n\n" + "word \n" * n).encode()


def parts(n: int) -> bytes:
    return _multipart(n, "Content-Type: text/plain\n\ntext @\n")


def alternatives(n: int) -> bytes:
    """Return alternatives within one another, each of which is looked through for the richest."""
    depth = 40
    heads = "".join(
        f"Content-Type: multipart/alternative; boundary=c{d}\n\n--c{d}\n" for d in range(depth)
    )
    text_parts = (
        "Content-Type: text/plain\n\na\n" + f"--c{depth - 1}\nContent-Type: text/html\n\nb\n" * n
    )
    return (HEAD + heads + text_parts).encode()


def heads(n: int) -> bytes:
    fields = numbers(n, "X-Field-@: value\n") + "Received: " + "a " * n + "\n"
    words = "To: " + "=?a?b?" * n + "\nCc: " + "=?utf-8?q?a?= " * n + "\n"
    return (HEAD + fields + words + "\ntext").encode()


def parameters(n: int) -> bytes:
    """Return parts each of whose types has more parameters than are looked at."""
    many = "; ".join(f"a{k}*{k}*=b" for k in range(200))
    return _multipart(max(n // 20, 1), f"Content-Type: text/plain; {many}\n\n@\n")


def charsets(n: int) -> bytes:
    lies = (
        "punycode",
        "idna",
        "zlib",
        "utf-7",
        "utf-16",
        "unicode_escape",
        "x-none",
        "iso-2022-jp",
    )
    return _multipart(1, "\n").replace(
        b"--b--",
        "".join(
            f"--b\nContent-Type: text/plain; charset={name}\n\n{'a-b' * n}\n"
            f"--b\nContent-Type: text/html; charset={name}\n\n<p>{'a-b' * n}\n"
            for name in lies
        ).encode()
        + b"--b--",
    )


def packings(n: int) -> bytes:
    packed = base64.encodebytes(b"text \n" * n).decode()
    quoted = "=41=\n" * n
    return _multipart(
        1,
        f"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n{packed}\n--b\n"
        f"Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n{quoted}\n--b\n"
        f"Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nbegin 666 a\n"
        + "#86)C\n" * n
        + "end\n",
    )


def pictures(n: int) -> bytes:
    shown = numbers(n, '<img src="cid:p@">') * 2
    source = f"Content-Type: text/html\n\n{shown}\n" + numbers(
        n, "--b\nContent-Type: image/png\nContent-ID: <p@>\n\nx\n"
    )
    return _multipart(1, source, "related")


def outlook_streams(n: int) -> bytes:
    tree: dict[str, bytes | Tree] = {
        **short(32, **{f"n{tag:04X}": tag for tag in range(n % 4096)}),
        **text(0x0037, "x"),
        **{f"__recip_version1.0_#{k:08X}": {**short(8), **text(0x3001, "a")} for k in range(n)},
        **{f"__substg1.0_8{k:03X}001F": b"a" for k in range(min(n, 4096))},
    }
    return compound(tree)


def outlook_rtf(n: int) -> bytes:
    rtf = b"{\\rtf1 " + b"word \\par " * n + b"}"
    return compound({**short(32), **binary(0x1009, compressed_rtf.compress(rtf, compressed=False))})


CASES: Final = (
    Case("mail-signs", media_types.EML, body_signs, 2_000),
    Case("mail-flowed", media_types.EML, flowed, 8_000),
    Case("mail-parts", media_types.EML, parts, 400),
    Case("mail-alternatives", media_types.EML, alternatives, 400),
    Case("mail-heads", media_types.EML, heads, 2_000),
    Case("mail-parameters", media_types.EML, parameters, 800),
    Case("mail-charsets", media_types.EML, charsets, 4_000),
    Case("mail-packings", media_types.EML, packings, 8_000),
    Case("mail-pictures", media_types.EML, pictures, 200),
    Case("outlook-streams", media_types.MSG, outlook_streams, 400),
    Case("outlook-rtf", media_types.MSG, outlook_rtf, 4_000),
)
