"""Languages: which one is spoken, where, and how it writes numbers."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from discord import Locale, app_commands
from discord.app_commands import TranslationContextLocation as At

from bot.language import (
    LANGUAGES,
    figures,
    grouped,
    language_of,
    marked,
    speak,
    speaking,
    spoken,
    tr,
    trn,
    trp,
)
from bot.ui.text import counted, progress_bar
from bot.ui.translator import Translator


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("en-US", "en"), ("en-GB", "en"), ("fr", "en"), ("", "en"), (None, "en"), ("zh-CN", "en")],
)
def test_a_locale_of_discords_has_a_language(locale: str | None, language: str) -> None:
    assert language_of(locale) == language


def test_english_is_spoken_until_somebody_speaks_otherwise() -> None:
    assert spoken() == "en"
    with speaking("de"):
        assert spoken() == "de"
        with speaking("en"):
            assert tr("There is no such job.") == "There is no such job."
        assert tr("There is no such job.") == "Diesen Auftrag gibt es nicht."
    assert spoken() == "en"


async def test_a_task_speaks_for_itself_alone() -> None:
    async def german() -> str:
        speak("de")
        await asyncio.sleep(0)
        return spoken()

    assert await asyncio.gather(asyncio.create_task(german())) == ["de"]
    assert spoken() == "en"


def test_what_no_catalogue_has_stays_as_it_is() -> None:
    with speaking("de"):
        assert tr("Nobody ever said {this}.", this="that") == "Nobody ever said that."
        assert tr("") == ""
        assert trp("command", "nobody-names-it-so") == "nobody-names-it-so"
    assert marked("a") == "a"


def test_words_in_braces_from_outside_are_taken_as_they_are() -> None:
    assert tr("Reason: {reason}", reason="{0.__class__} {x}") == "Reason: {0.__class__} {x}"
    assert tr("{not filled in}") == "{not filled in}"


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (0, "0 jobs before it", "0 Aufträge davor"),
        (1, "1 job before it", "1 Auftrag davor"),
        (1_234_567, "1,234,567 jobs before it", "1.234.567 Aufträge davor"),
    ],
)
def test_numbers_have_their_plural_and_their_separators(number: int, english: str, german: str) -> None:
    def said() -> str:
        return trn("{number} job before it", "{number} jobs before it", number)

    assert said() == english
    with speaking("de"):
        assert said() == german


def test_figures_have_the_decimal_sign_of_the_language() -> None:
    assert (grouped(-1234), figures(1234.5, ",.2f")) == ("-1,234", "1,234.50")
    with speaking("de"):
        assert (grouped(-1234), figures(1234.5, ",.2f")) == ("-1.234", "1.234,50")
        assert (counted(1, "credit"), counted(2, "entry", "entries")) == ("1 Credit", "2 Einträge")
        assert progress_bar(0.5, width=2) == "▰▱ 50 %"


@pytest.mark.parametrize(
    ("text", "at", "german"),
    [
        ("job", At.command_name, "auftrag"),
        ("quota", At.group_name, "kontingent"),
        ("image", At.parameter_name, "bild"),
        ("dark", At.choice_name, "dunkel"),
        ("Length in seconds", At.parameter_description, "Länge in Sekunden"),
        ("storyboard", At.command_name, None),
        ("nobody-names-it-so", At.command_name, None),
    ],
)
async def test_commands_are_translated_by_what_they_are(text: str, at: At, german: str | None) -> None:
    context: Any = SimpleNamespace(location=at, data=None)
    found = {
        locale.value: await Translator().translate(app_commands.locale_str(text), locale, context)
        for locale in Locale
    }
    assert {locale: said for locale, said in found.items() if said} == ({"de": german} if german else {})


async def test_the_name_of_a_menu_is_no_name_of_a_command() -> None:
    menu: app_commands.ContextMenu = object.__new__(app_commands.ContextMenu)
    context: Any = SimpleNamespace(location=At.command_name, data=menu)
    said = await Translator().translate(app_commands.locale_str("Animate"), Locale.german, context)
    assert said == "Animieren"


def test_every_language_calls_itself_something() -> None:
    assert LANGUAGES["en"] == "English"
    assert all(name and len(code) == 2 for code, name in LANGUAGES.items())
