"""Archives that nobody should unpack, each made by code, with the rule that is against it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

GOOD: Final = b"A line of text that hurts nobody.\n"
ZEROS: Final = bytes(40 * 1024 * 1024)
CENTRAL: Final = b"PK\x01\x02"  #: begins an entry of a ZIP's directory
LOCAL: Final = b"PK\x03\x04"  #: begins what is in it


@dataclass(frozen=True)
class Hostile:
    """An archive, the rule that it goes against, and the member that is to be named."""

    content: Callable[[], bytes]
    rule: str
    member: str = ""
    name: str = "archive.zip"


def zipped(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return output.getvalue()


def tarred(*members: tuple[str | tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=form) as archive:
        for one, content in members:
            info = one if isinstance(one, tarfile.TarInfo) else tarfile.TarInfo(one)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return output.getvalue()


def _special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (mode | 0o644) << 16
    return info


def _patched(content: bytes, *patches: tuple[bytes, int, bytes]) -> bytes:
    """Return content with bytes in the place of others, so far behind the last of a signature."""
    changed = bytearray(content)
    for signature, offset, new in patches:
        at = changed.rindex(signature) + offset
        changed[at : at + len(new)] = new
    return bytes(changed)


def without_utf8_mark(content: bytes) -> bytes:
    """Return a ZIP whose last entry does not say that its name is UTF-8."""
    return _patched(content, (CENTRAL, 8, b"\0\0"), (LOCAL, 6, b"\0\0"))


def _overlapping() -> bytes:
    """Return two entries of one file."""
    return _patched(zipped(("a.txt", GOOD), ("b.txt", GOOD)), (CENTRAL, 42, struct.pack("<I", 0)))


def _quoting() -> bytes:
    """Return an entry whose bytes hold the header and the bytes of the next one."""
    content = bytearray(zipped(("a.txt", GOOD), ("b.txt", GOOD), method=zipfile.ZIP_STORED))
    first = content.index(CENTRAL)
    length = content.index(CENTRAL, first + 1) - first
    longer = struct.pack("<II", len(GOOD) * 2, len(GOOD) * 2)
    content[first + 20 : first + 28] = longer
    assert length > 28
    return bytes(content)


def _twice(first: str, second: str) -> bytes:
    """Return two entries under names of equal length, of which the second becomes the first."""
    return zipped((first, GOOD), (second, GOOD)).replace(second.encode(), first.encode())


def _zip64(size_bytes: int) -> bytes:
    """Return an entry that says in a zip64 field that it is as long as this."""
    output = io.BytesIO()
    with (
        zipfile.ZipFile(output, "w") as archive,
        archive.open("a.txt", "w", force_zip64=True) as file,
    ):
        file.write(GOOD)
    plain = output.getvalue()
    at = plain.rindex(CENTRAL)
    name_length, extra_length = struct.unpack_from("<HH", plain, at + 28)
    name_end = at + 46 + name_length
    field = struct.pack("<HHQ", 1, 8, size_bytes)
    entry = (
        plain[at : at + 24]
        + struct.pack("<I", 0xFFFFFFFF)
        + struct.pack("<HH", name_length, len(field))
        + plain[at + 32 : name_end]
        + field
    )
    end = plain.rindex(b"PK\x05\x06")
    tail = bytearray(plain[end:])
    tail[12:16] = struct.pack("<I", len(entry))
    assert extra_length == 0 or end == name_end + extra_length
    return plain[:at] + entry + bytes(tail)


def many_entries(count: int) -> bytes:
    """Return a ZIP of so many empty folders."""
    local, central = bytearray(), bytearray()
    for number in range(count):
        name = b"%07d/" % number
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0)
        central += CENTRAL + struct.pack("<H", 20) + fields
        central += struct.pack("<HHHII", 0, 0, 0, 0, len(local)) + name
        local += LOCAL + fields + name
    total = min(count, 0xFFFF)
    if count > 0xFFFF:
        end = struct.pack(
            "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(central), len(local)
        )
        end += struct.pack("<4sIQI", b"PK\x06\x07", 0, len(local) + len(central), 1)
    else:
        end = b""
    end += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, total, total, len(central), len(local), 0)
    return bytes(local + central + end)


def _tar_info(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _with_checksum(header: bytes) -> bytes:
    total = sum(header[:148]) + 256 + sum(header[156:512])
    return header[:148] + b"%06o\0 " % total + header[156:]


def _sparse() -> bytes:
    """Return a file that GNU tar stored without its holes: 8 MiB of which 512 bytes are there."""
    info = tarfile.TarInfo("holes.txt")
    info.size = 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0%011o\0" % (0, 512)
    header[483:495] = b"%011o\0" % (8 * 1024 * 1024)
    return _with_checksum(bytes(header)) + GOOD.ljust(512, b" ") + bytes(1024)


def _long_pax_header() -> bytes:
    info = tarfile.TarInfo("a.txt")
    info.pax_headers = {"comment": "x" * (2 * 1024 * 1024)}
    return gzip.compress(tarred((info, GOOD)))


def _pax_headers_in_a_row() -> bytes:
    """Return headers that each say something of the next one, which is another such header."""
    info = tarfile.TarInfo("PaxHeader")
    record = b"13 comment=x\n"
    info.type, info.size = tarfile.XHDTYPE, len(record)
    block = info.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0")
    return gzip.compress(block * 5_000 + tarred(("a.txt", GOOD)))


def _huge_size() -> bytes:
    """Return a file that says in a number of base 256 that it has 2**60 bytes."""
    header = bytearray(tarfile.TarInfo("a.txt").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + (2**60).to_bytes(11, "big")
    return _with_checksum(bytes(header)) + bytes(1024)


def _broken_header() -> bytes:
    content = bytearray(tarred(("a.txt", GOOD), ("b.txt", GOOD)))
    content[content.rindex(b"b.txt")] ^= 0xFF
    return bytes(content)


def _wrong_crc() -> bytes:
    content = zipped(("a.txt", GOOD))
    crc = struct.pack("<I", zlib.crc32(GOOD) ^ 1)
    return _patched(content, (CENTRAL, 16, crc), (LOCAL, 14, crc))


def _wrong_gzip_crc() -> bytes:
    content = bytearray(gzip.compress(tarred(("a.txt", GOOD))))
    content[-8] ^= 1
    return bytes(content)


def _with_name(raw: bytes, flags: int = 0x800) -> bytes:
    """Return an entry under a name of any bytes."""
    placeholder = "n" * len(raw)
    content = zipped((placeholder, GOOD)).replace(placeholder.encode(), raw)
    marked = struct.pack("<H", flags)
    return _patched(content, (CENTRAL, 8, marked), (LOCAL, 6, marked))


def _tar_with_name(raw: bytes) -> bytes:
    header = bytearray(tarfile.TarInfo("n").tobuf(tarfile.USTAR_FORMAT))
    header[: len(raw)] = raw
    header[124:136] = b"%011o\0" % len(GOOD)
    return _with_checksum(bytes(header)) + GOOD.ljust(512, b"\0") + bytes(1024)


def _numbered(count: int) -> Iterable[tuple[str, bytes]]:
    return ((f"{number}.txt", GOOD) for number in range(count))


HOSTILE: Final = {
    "a bomb": Hostile(lambda: zipped(("zeros.txt", ZEROS)), "ratio"),
    "a bomb by bzip2": Hostile(
        lambda: bz2.compress(tarred(("._left", ZEROS), ("a.txt", GOOD))), "ratio", name="a.tar.bz2"
    ),
    "a bomb by xz": Hostile(
        lambda: lzma.compress(tarred(("._left", ZEROS), ("a.txt", GOOD)), preset=0),
        "ratio",
        name="a.tar.xz",
    ),
    "a member that is too large": Hostile(
        lambda: zipped(("fine.txt", GOOD), ("large.txt", GOOD * 10_000)), "member_size", "large.txt"
    ),
    "two entries of one file": Hostile(_overlapping, "overlap", "a.txt"),
    "an entry in another": Hostile(_quoting, "overlap", "a.txt"),
    "an absolute path": Hostile(lambda: zipped(("/etc/notes.txt", GOOD)), "path", "/etc/notes.txt"),
    "a path of a drive": Hostile(lambda: zipped(("C:/notes.txt", GOOD)), "path", "C:/notes.txt"),
    "a path that leads out": Hostile(
        lambda: zipped(("docs/../../notes.txt", GOOD)), "path", "docs/../../notes.txt"
    ),
    "a path that leads out, of Windows": Hostile(
        lambda: zipped(("..\\notes.txt", GOOD)), "path", "..\\notes.txt"
    ),
    "a link": Hostile(
        lambda: zipped((_special("link.txt", stat.S_IFLNK), b"/etc/passwd")), "link", "link.txt"
    ),
    "a device": Hostile(
        lambda: zipped((_special("tty.txt", stat.S_IFCHR), b"")), "device", "tty.txt"
    ),
    "the same name twice": Hostile(lambda: _twice("same.txt", "sama.txt"), "duplicate", "same.txt"),
    "the same name in two forms": Hostile(
        lambda: zipped(("\u00e9.txt", GOOD), ("e\u0301.txt", GOOD)), "duplicate", "\u00e9.txt"
    ),
    "an encrypted member": Hostile(
        lambda: _patched(zipped(("a.txt", GOOD)), (CENTRAL, 8, b"\1\0"), (LOCAL, 6, b"\1\0")),
        "encrypted",
        "a.txt",
    ),
    "another method": Hostile(
        lambda: zipped(("a.txt", GOOD), method=zipfile.ZIP_LZMA), "method", "a.txt"
    ),
    "a zip64 size beyond all bounds": Hostile(lambda: _zip64(2**60), "ratio"),
    "a zip64 size that is a bit too long": Hostile(
        lambda: _zip64(len(GOOD) + 10), "damaged", "a.txt"
    ),
    "a zip64 size that is a bit too short": Hostile(
        lambda: _zip64(len(GOOD) - 10), "damaged", "a.txt"
    ),
    "a wrong checksum": Hostile(_wrong_crc, "damaged", "a.txt"),
    "an archive that is cut": Hostile(lambda: zipped(("a.txt", GOOD * 100))[:-30], "damaged"),
    "a name that is no UTF-8": Hostile(lambda: _with_name(b"\xff\xfe.txt"), "name", ".txt"),
    "a name with a NUL": Hostile(lambda: _with_name(b"a.txt\0.exe"), "name", "a.txt"),
    "a name without end": Hostile(lambda: zipped((f"{'d/' * 600}a.txt", GOOD)), "name"),
    "a ZIP in a ZIP": Hostile(
        lambda: zipped(("inner/notes.zip", zipped(("a.txt", GOOD)))), "nesting", "inner/notes.zip"
    ),
    "a TAR in a ZIP": Hostile(
        lambda: zipped(("notes.tgz", gzip.compress(tarred(("a.txt", GOOD))))),
        "nesting",
        "notes.tgz",
    ),
    "an empty archive": Hostile(lambda: zipped(), "empty"),
    "folders alone": Hostile(lambda: zipped(("docs/", b"")), "empty"),
    "more documents than a batch has": Hostile(lambda: zipped(*_numbered(101)), "too_many"),
    "an absolute path in a TAR": Hostile(
        lambda: tarred(("/etc/notes.txt", GOOD)), "path", "/etc/notes.txt", "a.tar"
    ),
    "a path that leads out of a TAR": Hostile(
        lambda: tarred(("../notes.txt", GOOD)), "path", "../notes.txt", "a.tar"
    ),
    "a symbolic link in a TAR": Hostile(
        lambda: tarred((_tar_info("a.txt", tarfile.SYMTYPE, "/etc/passwd"), b"")),
        "link",
        "a.txt",
        "a.tar",
    ),
    "a hard link in a TAR": Hostile(
        lambda: tarred(("b.txt", GOOD), (_tar_info("a.txt", tarfile.LNKTYPE, "b.txt"), b"")),
        "link",
        "a.txt",
        "a.tar",
    ),
    "a device in a TAR": Hostile(
        lambda: tarred((_tar_info("tty.txt", tarfile.CHRTYPE), b"")), "device", "tty.txt", "a.tar"
    ),
    "a pipe in a TAR": Hostile(
        lambda: tarred((_tar_info("pipe.txt", tarfile.FIFOTYPE), b"")),
        "device",
        "pipe.txt",
        "a.tar",
    ),
    "a sparse file": Hostile(_sparse, "sparse", "holes.txt", "a.tar"),
    "a long pax header": Hostile(_long_pax_header, "headers", name="a.tar.gz"),
    "pax headers in a row": Hostile(_pax_headers_in_a_row, "damaged", name="a.tar.gz"),
    "a size beyond all bounds in a TAR": Hostile(_huge_size, "member_size", "a.txt", "a.tar"),
    "a TAR that is cut": Hostile(
        lambda: tarred(("a.txt", GOOD * 100))[:1024], "damaged", name="a.tar"
    ),
    "a TAR without an end": Hostile(
        lambda: tarred(("a.txt", GOOD))[:1024], "damaged", name="a.tar"
    ),
    "a broken header": Hostile(_broken_header, "damaged", name="a.tar"),
    "a gzip that is cut": Hostile(
        lambda: gzip.compress(tarred(("a.txt", GOOD * 100)))[:-20], "damaged", name="a.tgz"
    ),
    "a wrong checksum of gzip": Hostile(_wrong_gzip_crc, "damaged", name="a.tar.gz"),
    "a gzip without a TAR": Hostile(lambda: gzip.compress(GOOD), "tar", name="notes.txt.gz"),
    "a name that is no UTF-8 in a TAR": Hostile(
        lambda: _tar_with_name(b"\xff\xfe.txt"), "name", ".txt", "a.tar"
    ),
    "the same name twice in a TAR": Hostile(
        lambda: tarred(("a.txt", GOOD), ("./a.txt", GOOD)), "duplicate", "a.txt", "a.tar"
    ),
}
"""By what each is."""
