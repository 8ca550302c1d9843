"""What is said in other languages: complete, of the same places, and as Discord takes it."""

import ast
import json
import re
import string
from collections.abc import Iterable, Iterator
from gettext import GNUTranslations
from io import BytesIO
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message

from bot.client import EXTENSIONS, Kinora
from bot.language import ENGLISH, LANGUAGES
from bot.sandbox.rules import violations
from bot.ui.translator import Translator
from docs import words
from tests.discord_payloads import COMMANDS

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
MENTION = re.compile(r"`?/([^\W\d]+(?: [^\W\d]+)*)")
MAX_COMMAND = 8000


@pytest.fixture(scope="module")
def gathered() -> list[words.Word]:
    return words.gathered()


@pytest.fixture(params=OTHERS)
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def catalogue(language: str) -> Catalog:
    return words.read(language)


@pytest.fixture
async def tree() -> list[dict[str, Any]]:
    kinora = Kinora(db=None)  # pyright: ignore[reportArgumentType] - nothing asks it here
    for extension in EXTENSIONS:
        await kinora.load_extension(extension)
    return [
        await command.get_translated_payload(kinora.tree, Translator())
        for command in kinora.tree.get_commands()
    ]


def test_the_catalogue_is_what_the_code_says(gathered: list[words.Word], language: str) -> None:
    path = words.LOCALES / f"{language}.po"
    known = words.read(language)
    assert words.written(words.merged(gathered, known)) == path.read_text(encoding="utf-8"), (
        "run `make words`"
    )
    assert not words.read(language).obsolete


def test_everything_is_translated_and_looked_at(catalogue: Catalog) -> None:
    assert [message.id for message in said(catalogue) if not words.is_done(message)] == []


def test_what_the_bot_reads_is_what_translators_wrote(catalogue: Catalog, language: str) -> None:
    compiled = (words.LOCALES / f"{language}.mo").read_bytes()
    read = GNUTranslations(BytesIO(compiled))
    assert words.compiled(words.merged(words_of(catalogue), catalogue)) == compiled
    for message in said(words.read(language)):
        for number, (english, translated) in enumerate(both(message)):
            if isinstance(message.id, str) and message.context:
                assert read.pgettext(message.context, english) == translated
            elif isinstance(message.id, str):
                assert read.gettext(english) == translated
            else:
                assert read.ngettext(message.id[0], message.id[1], number + 1) == translated


def test_every_language_has_all_its_plural_forms(catalogue: Catalog) -> None:
    for message in said(catalogue):
        if not isinstance(message.id, str):
            assert len(message.string or ()) == catalogue.num_plurals, message.id


def test_translations_have_the_same_places_as_the_english(catalogue: Catalog) -> None:
    for message in said(catalogue):
        for english, translated in both(message):
            assert sorted(places(translated)) == sorted(places(english)), english


def test_numbers_are_written_by_the_language_and_not_by_a_format() -> None:
    for word in words.gathered():
        for text in [word.english] if isinstance(word.english, str) else word.english:
            if word.context is None:
                assert not any("," in spec or "." in spec for _, spec in places(text)), text


def test_translations_begin_and_end_as_the_english_does(catalogue: Catalog) -> None:
    for message in said(catalogue):
        for english, translated in both(message):
            assert margins(translated) == margins(english), english
            assert english.count("\n") == translated.count("\n"), english
            assert english.startswith("-# ") is translated.startswith("-# "), english
            assert english.count("**") == translated.count("**"), english
            assert english.count("`") == translated.count("`"), english


def test_sentences_stay_sentences(catalogue: Catalog) -> None:
    for message in said(catalogue):
        for english, translated in both(message):
            if len(english) > 2 and english.endswith("."):
                assert translated.endswith("."), translated


def test_places_are_filled_with_what_they_are_called() -> None:
    wrong = [problem for path in words.sources() for problem in misfilled(path.read_text(encoding="utf-8"))]
    assert wrong == []


async def test_discord_takes_the_commands_in_every_language(tree: list[dict[str, Any]]) -> None:
    assert violations("PUT", COMMANDS, tree, []) == []


async def test_commands_are_named_in_every_language(tree: list[dict[str, Any]], language: str) -> None:
    for part in parts(tree):
        translations = part.get("name_localizations", {})
        assert set(translations) <= set(OTHERS)
        assert isinstance(translations.get(language, part["name"]), str)
    described = [part for part in parts(tree) if part.get("description")]
    assert all(language in part["description_localizations"] for part in described)


async def test_names_are_unique_among_their_siblings(tree: list[dict[str, Any]], language: str) -> None:
    for siblings in (tree, *(part["options"] for part in parts(tree) if part.get("options"))):
        kinds = [(one["type"] if siblings is tree else 0, name_in(one, language)) for one in siblings]
        assert len(kinds) == len(set(kinds))


async def test_choices_can_be_told_apart(tree: list[dict[str, Any]], language: str) -> None:
    for part in parts(tree):
        names = [name_in(choice, language) for choice in part.get("choices", ())]
        assert len(names) == len(set(names))


async def test_a_command_is_within_discords_total_in_its_longest_language(tree: list[dict[str, Any]]) -> None:
    for command in tree:
        assert longest(command) <= MAX_COMMAND, command["name"]


async def test_commands_that_a_text_names_are_there_in_its_language(
    tree: list[dict[str, Any]], catalogue: Catalog, language: str
) -> None:
    ours, theirs = paths(tree, ENGLISH), paths(tree, language)
    for message in said(catalogue):
        for english, translated in both(message):
            assert [ours.get(one, "?") for one in named(english, ours)] == [
                theirs.get(one, "?") for one in named(translated, theirs)
            ], translated


def test_what_is_put_together_is_not_gathered() -> None:
    for source in ('tr(f"a {b}")', 'tr("a" + b)', 'marked(f"{a}")', "tr(1)"):
        with pytest.raises(words.NotLiteral, match=r"here\.py, line 1: "):
            list(words.said_in(ast.parse(source), "here.py"))


def test_everything_that_is_said_is_gathered() -> None:
    source = """
tr("a {b}", b=1)
tr("c" if d else "e")
tr(f)
trp("command", "g")
trn("{number} h", "{number} hs", i)
language.marked("j")
counted(k, "credit")
counted(k, "entry", "entries")
"""
    assert [(word.english, word.context) for word in words.said_in(ast.parse(source), "here.py")] == [
        ("a {b}", None),
        ("c", None),
        ("e", None),
        ("g", "command"),
        (("{number} h", "{number} hs"), None),
        ("j", None),
        (("{number} credit", "{number} credits"), None),
        (("{number} entry", "{number} entries"), None),
    ]


def test_translations_outlive_new_words_and_changed_ones_are_proposed() -> None:
    known = Catalog(locale="de")
    known.add("The clip is ready.", "Der Clip ist fertig.")
    known.add("Press this to have the clip again.", "Damit bekommst du den Clip noch einmal.")
    merged = words.merged(
        [
            words.Word("The clip is ready.", "a.py"),
            words.Word("Press here to have the clip again.", "a.py"),
            words.Word("Something else entirely", "b.py"),
        ],
        known,
    )
    done, changed, new = (
        merged["The clip is ready."],
        merged["Press here to have the clip again."],
        merged["Something else entirely"],
    )
    assert words.is_done(done)
    assert changed.string == "Damit bekommst du den Clip noch einmal."
    assert not words.is_done(changed)
    assert not new.string
    compiled = GNUTranslations(BytesIO(words.compiled(merged)))
    assert compiled.gettext("The clip is ready.") == "Der Clip ist fertig."
    assert compiled.gettext("Press here to have the clip again.") == "Press here to have the clip again."


def test_a_catalogue_says_nothing_about_when_and_where_it_was_made(language: str) -> None:
    text = (words.LOCALES / f"{language}.po").read_text(encoding="utf-8")
    assert "-Date" not in text
    assert str(words.ROOT) not in text
    assert not re.search(r"^#: .*:\d", text, re.MULTILINE)


def said(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def words_of(catalogue: Catalog) -> Iterator[words.Word]:
    for message in said(catalogue):
        english = message.id if isinstance(message.id, str) else (message.id[0], message.id[1])
        for where, _ in message.locations or [("", 0)]:
            yield words.Word(english, where, message.context)


def both(message: Message) -> Iterator[tuple[str, str]]:
    """Each English text of a message beside each translation that stands for it."""
    if isinstance(message.id, str):
        yield message.id, str(message.string)
    else:
        one, many = message.id
        yield from zip((one, many), message.string or (), strict=True)


def margins(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def places(text: str) -> Iterator[tuple[str, str]]:
    for _, name, spec, _ in string.Formatter().parse(text) if "{" in text else ():
        if name is not None:
            yield name, spec or ""


def misfilled(source: str) -> Iterator[str]:
    """Calls whose values are not those that the text has places for."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name("tr"), args=[ast.Constant(str(text))], keywords=keywords):
                wanted = {name for name, _ in places(text)}
            case ast.Call(func=ast.Name("trn"), args=[_, ast.Constant(str(text)), _], keywords=keywords):
                wanted = {name for name, _ in places(text)} - {"number"}
            case _:
                continue
        given = {keyword.arg for keyword in keywords}
        if None not in given and given != wanted:
            yield f"{text}: {given} for {wanted}"


def parts(described: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in described:
        yield part
        yield from parts(part.get("options", ()))


def name_in(part: dict[str, Any], language: str) -> str:
    return part.get("name_localizations", {}).get(language, part["name"])


def longest(part: dict[str, Any]) -> int:
    """Characters of the names, descriptions and values of a command, each in its longest language."""
    own = sum(
        max(map(len, [str(part.get(field, "")), *part.get(f"{field}_localizations", {}).values()]))
        for field in ("name", "description", "value")
    )
    return own + sum(map(longest, [*part.get("options", ()), *part.get("choices", ())]))


def paths(tree: Iterable[dict[str, Any]], language: str, above: str = "", below: str = "") -> dict[str, str]:
    """The English path of each command and group by its name in a language: `kontingent budget`."""
    found: dict[str, str] = {}
    for part in tree:
        if part["type"] in (1, 2) or not above:
            local = f"{above}{name_in(part, language)}"
            english = f"{below}{part['name']}"
            found[local] = english
            found |= paths(part.get("options", ()), language, f"{local} ", f"{english} ")
    return found


def named(text: str, known: Iterable[str]) -> list[str]:
    """The commands that a text names; one that is not known as it was written."""
    found: list[str] = []
    for typed in MENTION.findall(text):
        words_ = typed.split(" ")
        tried = (" ".join(words_[:count]) for count in range(len(words_), 0, -1))
        found.append(next((one for one in tried if one in known), json.dumps(words_[0])))
    return found
