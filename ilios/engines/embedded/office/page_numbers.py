"""Lines of headers and footers that do nothing but count pages."""

from __future__ import annotations

import re
from typing import Final

_KNOWN: Final = (
    "page pages pg p of seite seiten blatt s von página páginas pagina pág pag de di da do "
    "su sur sida sidan av side sider af strona str strany strana stránka z ze iz od oldal "
    "sivu lehekülg puslapis lapa pagină din sayfa trang страница стр стор сторінка лист из з "
    "σελίδα σελ από ページ 페이지 쪽 صفحة من עמוד מתוך"
)
_WORDS: Final = frozenset(_KNOWN.split())
_SIGNS: Final = frozenset("第页頁共中全总總计計")  #: written without spaces
_WORD: Final = re.compile(r"\w+")


def says_more(rest: str) -> bool:
    """Return whether a line says something beside the number of the page.

    Only words that are known to count pages are taken for such: a short name is none.
    """
    words = _WORD.findall(rest.casefold())
    return any(word not in _WORDS and not _SIGNS.issuperset(word) for word in words)
