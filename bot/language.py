"""Languages. English stands in the code; what other languages say for it stands in `bot/locale`, under the English.

`tr` and `trn` translate where words are made, into the language that is being spoken there: a member's own in an answer
that only they see, the server's in what everybody sees. What is made before anybody speaks (tables at the top of a
module) is `marked` there and translated where it is shown. `make words` gathers all of it into the catalogues.
"""

import gettext
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources

ENGLISH = "en"

LANGUAGES = {ENGLISH: "English", "de": "Deutsch"}
"""By the code that begins Discord's names for locales, as each calls itself."""

_speaking: ContextVar[str] = ContextVar("language", default=ENGLISH)


def tr(text: str, /, **values: object) -> str:
    """A text in the language that is spoken here, with its `{places}` filled in."""
    said = _catalogue(_speaking.get()).gettext(text) if text else ""
    return said.format(**values) if values else said


def trn(one: str, many: str, number: int, /, **values: object) -> str:
    """The same for a number of things; `{number}` is how many, with separators."""
    said = _catalogue(_speaking.get()).ngettext(one, many, number)
    return said.format(number=grouped(number), **values)


def trp(context: str, text: str, /) -> str:
    """A text whose translation depends on what it is: the name of a command, a choice, a menu."""
    return _catalogue(_speaking.get()).pgettext(context, text)


def marked(text: str) -> str:
    """A text that is translated later, where it is shown: to itself, so that `make words` finds it."""
    return text


def grouped(number: int) -> str:
    """A whole number with the separators of the language that is spoken here."""
    return f"{number:,}".replace(",", tr(","))


def figures(number: float, spec: str) -> str:
    """A number as `spec` formats it, with the separators of the language that is spoken here."""
    return f"{number:{spec}}".translate({ord(","): tr(","), ord("."): tr(".")})


def spoken() -> str:
    """The code of the language that is spoken here."""
    return _speaking.get()


def speak(language: str) -> None:
    """Speak a language from here to the end of this task."""
    _speaking.set(language)


@contextmanager
def speaking(language: str) -> Generator[None]:
    """Speak a language in the block."""
    before = _speaking.set(language)
    try:
        yield
    finally:
        _speaking.reset(before)


def language_of(locale: str | None) -> str:
    """The language for a locale of Discord's, `de` or `en-GB`; English where there is none for it."""
    language = (locale or "").partition("-")[0]
    return language if language in LANGUAGES else ENGLISH


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    compiled = resources.files("bot").joinpath(f"locale/{language}.mo")
    with compiled.open("rb") as file:
        return gettext.GNUTranslations(file)
