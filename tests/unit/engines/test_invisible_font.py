"""The font of text that is not seen: which codes stand for which characters."""

from __future__ import annotations

import struct

from ilios.engines import invisible_font


def test_what_cannot_be_written_is_left_out() -> None:
    assert invisible_font.writable("a\n\0Ω\ud800\ue000東😀", {}) == "aΩ東"


def test_characters_beyond_get_private_codes() -> None:
    private = invisible_font.private_codes(["a😀", "𝒳😀"])

    assert private == {"😀": 0xE000, "𝒳": 0xE001}
    assert invisible_font.writable("𝒳-😀", private) == "𝒳-😀"


def test_there_are_no_more_private_codes_than_there_is_room_for() -> None:
    beyond = "".join(map(chr, range(0x20000, 0x20000 + 7_000)))

    private = invisible_font.private_codes([beyond])

    assert list(private.values()) == list(invisible_font.PRIVATE)


def test_the_map_has_runs_of_at_most_100() -> None:
    private = invisible_font.private_codes(map(chr, range(0x20000, 0x20000 + 150)))

    written = invisible_font.character_map(private).decode()

    assert "<E000> <d840dc00>" in written
    assert "100 beginbfchar" in written
    assert "50 beginbfchar" in written


def test_the_font_is_one() -> None:
    file = invisible_font.font_file()

    version, count = struct.unpack_from(">IH", file)
    assert (version, count) == (0x00010000, 8)
    for place in range(count):
        tag, checksum, offset, length = struct.unpack_from(">4sIII", file, 12 + 16 * place)
        table = file[offset : offset + length + -length % 4]
        assert sum(struct.unpack(f">{len(table) // 4}I", table)) & 0xFFFFFFFF == checksum, tag
