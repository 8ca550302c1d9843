"""A language in which every text stands in brackets, to find those that no catalogue was asked for."""

import gettext
import re

import pytest

from bot import language

SAME_EVERYWHERE = {"Kinora", "UTC", "std", "pro", "4k", "local", "fps", "std,", "local,"}
HIDDEN = re.compile(  # code, mentions, links; the names of settings, files and models
    r"```.*?```|`[^`]*`|<[^<>]*>|\]\([^()]*\)|https?://\S+|\*\*[a-z_]+\*\*|README\.txt|local-camera",
    re.DOTALL,
)


def speak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put it in the place of German, until the test is over."""
    languages = {"de": Brackets()}

    def catalogue(code: str) -> gettext.NullTranslations:
        return languages.get(code, gettext.NullTranslations())

    monkeypatch.setattr(language, "_catalogue", catalogue)


class Brackets(gettext.NullTranslations):
    """Says everything in English, and that it was asked."""

    def gettext(self, message: str) -> str:
        return _in_brackets(message)

    def pgettext(self, context: str, message: str) -> str:
        return _in_brackets(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return _in_brackets(msgid1 if n == 1 else msgid2)


def _in_brackets(text: str) -> str:
    return f"⟦{text}⟧" if any(char.isalpha() for char in text) else text


def outside(text: str) -> list[str]:
    """Words of a text that stand in no bracket, are not foreign, and are not the same everywhere."""
    depth, kept = 0, ""
    for char in text:
        depth += {"⟦": 1, "⟧": -1}.get(char, 0)
        if not depth and char != "⟧":
            kept += char
    bare = HIDDEN.sub(" ", kept)
    return [word for word in re.findall(r"[^\W\d_]{2,}", bare) if word not in SAME_EVERYWHERE]
