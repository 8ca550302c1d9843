"""What people read goes through a catalogue: no words stand in the code that surrounds Discord and are not gathered."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import words

FOLDERS = ("bot/ui", "bot/services", "cogs")
WORDS = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
SAYS = {"tr", "trn", "trp", "marked", "counted"}
LOGS = {"debug", "info", "warning", "error", "exception"}
METRICS = {"gauge", "Tally", "Spread"}

UNSAID = {
    "Session is closed": "what discord.py says",
    "the CDN does not give it": "for the log",
    "The rights to open threads and to write in them are not both there.": "for the log",
    "Threads do not exist in channels of this kind.": "for the log",
    " is not among PROVIDERS any more": "for the log",
    "asking went wrong inside the bot": "for the log",
    " is at hand in other processes only, or was a moment ago": "for the log",
    "ahead of": "for the log",
    "The clock of this machine is ": "for the log",
    " the database's. Have both kept by NTP: all processes need the same time.": "for the log",
    "deleted role (": "for the ledger",
    "deleted channel (": "for the ledger",
    "the operator's ceiling: ": "for the ledger",
    "requests of ": "the key of a message",
    "catalogue credits": "for the command line",
    "of clips": "for the command line",
    "maybe charged": "for the command line",
    "disk full": "for the log and the metrics",
    "drained since": "what the installation remembers it as",
    "the gateway is not connected": "for whoever watches over the process",
    "the database cannot be written": "likewise",
    "the bot is being stopped": "likewise",
    "no job is begun: ": "likewise",
}


@pytest.fixture(scope="module")
def gathered() -> list[str]:
    """Every English text, those of the commands and the providers' reasons among them."""
    both = [[one.english] if isinstance(one.english, str) else [*one.english] for one in words.gathered()]
    return [text for texts in both for text in texts]


@pytest.mark.parametrize(
    "path",
    [path for folder in FOLDERS for path in sorted((words.ROOT / folder).rglob("*.py"))],
    ids=lambda path: path.relative_to(words.ROOT).as_posix(),
)
def test_no_words_stand_beside_the_catalogue(path: Path, gathered: list[str]) -> None:
    found = unsaid(path.read_text(encoding="utf-8"))
    assert [
        text for text in found if text not in UNSAID and not any(text in known for known in gathered)
    ] == []


def test_no_exemption_outlives_its_words() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in words.sources())
    assert [text for text in UNSAID if text not in sources] == []


def unsaid(source: str) -> Iterator[str]:
    """Words that are no documentation, and are handed to no catalogue and no log."""
    tree = ast.parse(source)
    exempt = {id(one) for node in ast.walk(tree) for one in _exempt(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if WORDS.search(text) and id(node) not in exempt:
                yield text
            case _:
                pass


def _exempt(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Constant() as documentation):
            yield documentation
        case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name)) if name in SAYS | LOGS | METRICS:
            yield from ast.walk(node)
        case _:
            return


def test_words_beside_the_catalogue_are_found() -> None:
    source = '"""Some words."""\ntr("some words"); log.info("some words"); tell(f"more words {n}"); a("one")'
    assert list(unsaid(source)) == ["more words "]
