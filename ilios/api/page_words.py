"""The words of the web page, in each language that it speaks."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Request

LANGUAGES: Final = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "zh": "中文",
}
"""What the page speaks, the first of them to browsers that ask for none of these."""
FOLDER: Final = Path(__file__).parent / "static" / "site" / "words"
COOKIE: Final = "ilios-language"  #: set by the switch of the page


def language_of(request: Request) -> str:
    """Return the language that was chosen on the page, or the one that the browser likes best."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES) or next(iter(LANGUAGES))


@cache
def catalogue(language: str) -> dict[str, Any]:
    """Return the sentences of a language; one that counts has a form for each kind of number."""
    found: dict[str, Any] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found
