"""Languages as Unstructured names them: by the three letters of ISO 639-3."""

from __future__ import annotations

from typing import Final

_PAIRS: Final = """
af:afr ar:ara az:aze be:bel bg:bul bn:ben bs:bos ca:cat cs:ces cy:cym da:dan de:deu el:ell
en:eng eo:epo es:spa et:est eu:eus fa:fas fi:fin fr:fra ga:gle gl:glg gu:guj he:heb hi:hin
hr:hrv hu:hun hy:hye id:ind is:isl it:ita ja:jpn ka:kat kk:kaz km:khm kn:kan ko:kor la:lat
lt:lit lv:lav mk:mkd ml:mal mn:mon mr:mar ms:msa my:mya nb:nob ne:nep nl:nld nn:nno no:nor
pa:pan pl:pol pt:por ro:ron ru:rus sk:slk sl:slv sq:sqi sr:srp sv:swe sw:swa ta:tam te:tel
th:tha tl:tgl tr:tur uk:ukr ur:urd uz:uzb vi:vie zh:zho zu:zul
"""  # of ISO 639-1 and 639-3
_THREE_LETTERS: Final = dict(pair.split(":") for pair in _PAIRS.split())


def three_letters_of(tag: str | None) -> str | None:
    """Return the language of a tag of BCP 47, such as `de-AT`; None of one that is not known."""
    language = (tag or "").replace("_", "-").partition("-")[0].lower()
    if len(language) == len("eng") and language.isascii() and language.isalpha():
        return language
    return _THREE_LETTERS.get(language)
