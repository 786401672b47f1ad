"""The catalogue of the web page: every language says everything, and nothing is said beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from ilios.api import page_words
from ilios.db.models import DocumentStatus
from tests.support.api_callers import Caller

SITE = page_words.FOLDER.parent
SCRIPTS = {path.name: path.read_text() for path in (SITE / "page").glob("*.js")}
TEMPLATE = (SITE.parents[1] / "templates" / "page.html").read_text()
ENGLISH = page_words.catalogue("en")
OTHERS = [language for language in page_words.LANGUAGES if language != "en"]
PLURALS = {"en": {"one", "other"}, "zh": {"other"}}
PUT_TOGETHER = ("action.", "announce.", "fields.", "form.", "problem.", "shortcut.", "viewer.")
"""Beginnings of names whose end is put behind them."""
OF_THE_SERVICE = ("error.", "status.")  #: whose ends are codes and statuses of the service
_SAID_BY_SCRIPTS = re.compile(r"""\b(?:say|has)\(\s*(?:[^"`()]*\? )?["`]([a-z_.]+)["`]""")
_SAID_BY_TEMPLATE = re.compile(r"""\b(?:said|labelled)\("([a-z_.]+)\"""")
_LITERALS = re.compile(r"""`[^`]*`|"(?:[^"\\\n]|\\.)*\"""")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_KEY = re.compile(r"^\s+([a-z_]+): \{", re.MULTILINE)
_NAMES = re.compile(r"\{(\w+)\}")


def _forms(sentence: str | dict[str, str]) -> dict[str, str]:
    return sentence if isinstance(sentence, dict) else {"": sentence}


def _placeholders(sentence: str | dict[str, str]) -> set[str]:
    return {name for form in _forms(sentence).values() for name in _NAMES.findall(form)}


def _quoted() -> set[str]:
    """Return all strings of the scripts and the template that may name a sentence."""
    everything = "\n".join((*SCRIPTS.values(), TEMPLATE))
    quoted = re.findall(r"""["`']([a-z][a-z_]*(?:\.[a-z_]+)*)["`']""", everything)
    return {*quoted, *_KEY.findall(everything)}


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_has_every_sentence_with_what_is_filled_in(language: str) -> None:
    found = page_words.catalogue(language)

    assert list(found) == list(ENGLISH)
    for key, sentence in found.items():
        assert isinstance(sentence, dict) == isinstance(ENGLISH[key], dict), key
        assert _placeholders(sentence) == _placeholders(ENGLISH[key]), key
        assert all(form.strip() for form in _forms(sentence).values()), key


@pytest.mark.parametrize("language", page_words.LANGUAGES)
def test_a_sentence_that_counts_has_a_form_for_each_kind_of_number(language: str) -> None:
    counting = [one for one in page_words.catalogue(language).values() if isinstance(one, dict)]

    assert len(counting) > 10
    wanted = PLURALS.get(language, PLURALS["en"])
    assert all(set(sentence) == wanted for sentence in counting)


@pytest.mark.parametrize("language", OTHERS)
def test_it_is_translated(language: str) -> None:
    found = page_words.catalogue(language)
    same = [key for key, sentence in found.items() if sentence == ENGLISH[key]]

    assert len(same) < len(ENGLISH) / 8, same  # names of forms, and words that are alike


def test_what_the_page_says_stands_in_the_catalogue() -> None:
    said = set(_SAID_BY_TEMPLATE.findall(TEMPLATE))
    for script in SCRIPTS.values():
        said.update(_SAID_BY_SCRIPTS.findall(script))

    assert len(said) > 80
    assert {key for key in said if not key.endswith(".")} - set(ENGLISH) == set()


def test_every_sentence_of_the_catalogue_is_said() -> None:
    quoted = _quoted()
    unsaid = [
        key
        for key in ENGLISH
        if key not in quoted
        and not (key.startswith(PUT_TOGETHER) and key.split(".", 1)[1] in quoted)
        and not key.startswith(OF_THE_SERVICE)
    ]

    assert unsaid == []


def test_every_status_has_a_name() -> None:
    assert {f"status.{status}" for status in DocumentStatus} - set(ENGLISH) == set()


def test_the_template_has_no_words_of_its_own() -> None:
    body = TEMPLATE[TEMPLATE.index("<body") :]
    bare = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", body, flags=re.DOTALL)

    assert set(re.findall(r"\w+", bare)) == {"Ilios"}


def test_no_script_says_something_by_itself() -> None:
    """A string with words and spaces is a list of names, a selector or a shape, or not there."""
    for name, script in SCRIPTS.items():
        literals = _LITERALS.findall(_COMMENT.sub("", script))
        sentences = [
            one for one in literals if one[0] == '"' and re.search(r"[A-Z][a-z]+ [a-z]", one)
        ]
        assert sentences == [], name


@pytest.mark.parametrize(
    ("wanted", "cookie", "language"),
    [
        ("", "", "en"),
        ("de", "", "de"),
        ("pt-BR, fr;q=0.8, en;q=0.5", "", "fr"),
        ("zh-CN,zh;q=0.9", "", "zh"),
        ("es-419", "", "es"),
        ("ja", "", "en"),
        ("de", "ilios-language=fr", "fr"),
        ("de", "ilios-language=xx", "de"),
    ],
)
def test_the_browser_or_the_switch_chooses_the_language(
    wanted: str, cookie: str, language: str
) -> None:
    headers = {"Accept-Language": wanted, "Cookie": cookie}
    environ: dict[str, Any] = EnvironBuilder(headers=Headers(headers)).get_environ()

    assert page_words.language_of(Request(environ)) == language


def test_the_page_comes_in_that_language(nobody: Caller) -> None:
    answer = nobody.get("/", headers={"Accept-Language": "de"})

    assert '<html lang="de">' in answer.text
    assert page_words.catalogue("de")["drop.here"] in answer.text
    assert {"Accept-Language", "Cookie"} <= {*answer.headers["Vary"].split(", ")}


def test_every_language_is_a_file_and_every_file_a_language() -> None:
    assert {path.stem for path in Path(page_words.FOLDER).iterdir()} == set(page_words.LANGUAGES)
