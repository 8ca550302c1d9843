"""Gathers everything that people read into the catalogues of `bot/locale`, and compiles them: `make words`.

What was translated stays so; where the English changed, the old translation stands there as a proposal, marked
`fuzzy`, and is not shown before somebody has looked at it and taken the mark away. No dates, numbers of lines or paths
of this machine are written, so that nothing changes unless words do.
"""

# ruff: noqa: INP001 - beside the pages, and part of no package

import ast
import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from bot.client import EXTENSIONS, Kinora
from bot.domain.errors import KinoraError
from bot.domain.rows import parse
from bot.domain.spending import PAYS_NOBODY
from bot.language import ENGLISH, LANGUAGES
from bot.ui.translator import CHOICE, COMMAND, MENU

if TYPE_CHECKING:
    from bot.db.transaction import Database

ROOT = Path(__file__).parents[1]
LOCALES = ROOT / "bot" / "locale"

_WIDTH = 110
_HEADER = {
    "Project-Id-Version": "Kinora",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
}
_COMMENT = "# Translate what stands after msgstr; `make words` does the rest."
_MESSAGE_MENU = 3
_MODELS = "catalogue.toml"
_TO_MEMBERS = ("bot/domain/", "bot/services/", "bot/ui/", "cogs/")
"""Where errors that people in Discord meet are defined; the operator's stay English, with the log."""

English: TypeAlias = str | tuple[str, str]
"""A text, or one for a single thing and one for several."""
Meant: TypeAlias = tuple[English, str | None]
"""And what kind of text it is, where that matters."""


@dataclass(frozen=True, slots=True)
class Word:
    """Something to translate."""

    english: English
    where: str
    """The file that says it, or `commands`."""
    context: str | None = None


class NotLiteral(Exception):
    """What is to be translated is put together where nothing can read it."""


class _Catalogue(Catalog):
    """One whose header says nothing that differs from run to run."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        language = {"Language": str(self.locale), "Plural-Forms": self.plural_forms}
        return [*(_HEADER | language).items()]


def gathered() -> list[Word]:
    """Everything that people read, in the order of their files."""
    trees = {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sources()}
    said = (word for where, tree in trees.items() for word in said_in(tree, where))
    payload = asyncio.run(commands())
    shown = (word for command in payload for word in _of_command(command))
    return [*said, *_defaults(trees), *_of_catalogue(), *shown]


def said_in(tree: ast.AST, where: str) -> Iterator[Word]:
    """What a file says with `tr`, `trp`, `trn`, `marked` and `counted`.

    Raises:
        NotLiteral: a text is put together, and nothing can read how it will be.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (read := _READ.get(_called(node.func))):
            try:
                yield from (Word(english, where, context) for english, context in read(node.args))
            except NotLiteral as error:
                raise NotLiteral(f"{where}, line {node.lineno}: {error}") from error


def sources() -> list[Path]:
    """Every file that may say something."""
    return sorted(path for package in ("bot", "cogs") for path in (ROOT / package).rglob("*.py"))


async def commands() -> list[dict[str, Any]]:
    """Every command as Discord is told of it, in English."""
    kinora = Kinora(db=cast("Database", None))  # which nothing asks before it logs in
    for extension in EXTENSIONS:
        await kinora.load_extension(extension)
    return [command.to_dict(kinora.tree) for command in kinora.tree.get_commands()]


def merged(words: Iterable[Word], known: Catalog) -> Catalog:
    """A catalogue of these words, with the translations that are known."""
    template = Catalog()
    for word in words:
        template.add(word.english, locations=[(word.where, 0)], context=word.context)
    known.update(template)
    catalogue = _Catalogue(locale=known.locale, header_comment=_COMMENT, fuzzy=False)
    for message in known:
        if message.id:
            catalogue.add(
                message.id,
                message.string,
                locations=sorted(set(message.locations)),
                flags=message.flags,
                context=message.context,
            )
    return catalogue


def written(catalogue: Catalog) -> str:
    """The catalogue as a file for translators."""
    file = BytesIO()
    write_po(file, catalogue, width=_WIDTH, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return file.getvalue().decode()


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as the bot reads it; what is not translated, or only proposed, is not in it."""
    file = BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def read(language: str) -> Catalog:
    """A language's catalogue as it stands; an empty one for a new language."""
    path = LOCALES / f"{language}.po"
    with BytesIO(path.read_bytes() if path.exists() else b"") as file:
        return read_po(file, locale=language)


def main() -> None:
    """Write every language's catalogue anew, and say what is left to do."""
    words = gathered()
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        catalogue = merged(words, read(language))
        (LOCALES / f"{language}.po").write_text(written(catalogue), encoding="utf-8")
        (LOCALES / f"{language}.mo").write_bytes(compiled(catalogue))
        left = [message for message in catalogue if message.id and not is_done(message)]
        sys.stdout.write(f"{language}: {len(catalogue)} texts, {len(left)} to translate\n")


def is_done(message: Message) -> bool:
    """Whether all of a text is translated, and by a person."""
    said = [message.string] if isinstance(message.string, str) else message.string or [""]
    return all(said) and not message.fuzzy


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _called(function: ast.expr) -> str:
    match function:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _texts(node: ast.expr) -> list[str]:
    """The texts that stand there: none where something else brings one that is `marked` elsewhere."""
    match node:
        case ast.Constant(str(text)):
            return [text]
        case ast.IfExp():
            return [*_texts(node.body), *_texts(node.orelse)]
        case ast.JoinedStr() | ast.BinOp() | ast.Constant():
            raise NotLiteral("what is put together cannot be translated; leave {places} in the text.")
        case _:
            return []


def _text(args: Sequence[ast.expr]) -> Iterator[Meant]:
    for text in _texts(args[0]):
        yield text, None


def _in_context(args: Sequence[ast.expr]) -> Iterator[Meant]:
    for text in _texts(args[1]):
        for context in _texts(args[0]):
            yield text, context


def _numbered(args: Sequence[ast.expr]) -> Iterator[Meant]:
    for both in zip(_texts(args[0]), _texts(args[1]), strict=True):
        yield both, None


def _counted(args: Sequence[ast.expr]) -> Iterator[Meant]:
    ones = _texts(args[1])
    several = _texts(args[2]) if args[2:] else [f"{one}s" for one in ones]
    for one, many in zip(ones, several, strict=True):
        yield (f"{{number}} {one}", f"{{number}} {many}"), None


_READ: Mapping[str, Callable[[Sequence[ast.expr]], Iterator[Meant]]] = {
    "tr": _text,
    "trp": _in_context,
    "trn": _numbered,
    "marked": _text,
    "counted": _counted,
}


def _defaults(trees: Mapping[str, ast.Module]) -> Iterator[Word]:
    """What errors say that bring no other words: the first lines of their docstrings."""
    classes = [
        (node, where)
        for where, tree in trees.items()
        if where.startswith(_TO_MEMBERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    errors = {KinoraError.__name__}
    while more := {node.name for node, _ in classes if errors & _bases(node)} - errors:
        errors |= more
    for node, where in classes:
        if node.name in errors:
            yield Word((ast.get_docstring(node) or "").partition("\n")[0], where)


def _bases(node: ast.ClassDef) -> set[str]:
    return {_called(base) for base in node.bases}


def _of_catalogue() -> Iterator[Word]:
    """What the models that come with Kinora are doubted for, and the one name that is no vendor's."""
    text = resources.files("bot.domain").joinpath(_MODELS).read_text(encoding="utf-8")
    for spec in parse(text, source=_MODELS):
        said = [spec.retired, *spec.cautions.values(), spec.name if spec.provider == PAYS_NOBODY else None]
        yield from (Word(one, f"bot/domain/{_MODELS}") for one in said if one)


def _of_command(described: Mapping[str, Any]) -> Iterator[Word]:
    """The names and descriptions of a command or an option, and of what is in it."""
    is_menu = described["type"] == _MESSAGE_MENU and "description" not in described
    yield Word(described["name"], "commands", MENU if is_menu else COMMAND)
    if described.get("description"):
        yield Word(described["description"], "commands")
    for option in described.get("options", ()):
        yield from _of_command(option)
    for choice in described.get("choices", ()):
        yield Word(choice["name"], "commands", CHOICE)


if __name__ == "__main__":
    main()
