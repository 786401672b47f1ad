"""Names of files, as servers give them."""

from __future__ import annotations

import pytest

from ilios.outbound import dispositions


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ("", None),
        ("inline", None),
        ("attachment; filename=report.pdf", "report.pdf"),
        ('attachment; filename="a report.pdf"', "a report.pdf"),
        ("attachment; filename=\"e.pdf\"; filename*=UTF-8''%C3%A9.pdf", "é.pdf"),
        ('attachment; filename="\u00c3\u00a9.pdf"', "é.pdf"),  # UTF-8, read byte by byte
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename=".."', None),
        ('attachment; filename=""', None),
        ("attachment; filename=" + "a" * 100_000, None),
    ],
)
def test_a_header_names_a_file(header: str | None, name: str | None) -> None:
    found = dispositions.file_name(header)

    if header is not None and len(header) > 1000:
        assert found is None or len(found) <= 255
    else:
        assert found == name
