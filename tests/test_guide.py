"""The operator's guide, the policies and other pages say what the program says and does."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from bot import cli
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = ("docs/guide.md", "docs/privacy-policy.md", "docs/terms.md")

_OF_MEMBERS = {
    "jobs": "your requests: prompt, settings",
    "ledger": "a ledger: credits reserved",
    "draws": "a ledger: credits reserved",
    "grants": "granted, and by whom",
    "balances": "what you have used this day, week and month",
    "limits": "caps and blocks set for you",
    "blocks": "caps and blocks set for you",
    "turns": "the roles you had there",
    "asks": "requests that are not accepted yet",
    "offers": "questions you are asked, links to paint",
    "blob_uses": "pictures you send, without their metadata",
    "blob_moves": "pictures you send, without their metadata",
    "unneeded_blobs": "clips you delete",
    "member_threads": "your running thread",
    "shares": "which messages of the bot show your clips",
    "erasures": "which messages of the bot show your clips",
    "members": "whether you take clips by direct message",
    "reports": "reports of clips, with your words",
    "forgotten": "sums in the books, without you",
    "exports": "when you last exported your data",
    "renders": "lengths of past renders",
}
"""Where the privacy policy speaks of each table that says something of members, or could."""
_OF_NOBODY = {
    "breakers",
    "cards",
    "guilds",
    "installation",
    "lanes",
    "notices",
    "pools",
    "prices",
    "processes",
    "schema_version",
    "sqlite_sequence",
}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def said_by_the_program() -> str:
    """Every text in the code, on one line each."""
    texts: list[str] = []
    for path in (*ROOT.glob("bot/**/*.py"), *ROOT.glob("cogs/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(" ".join(node.value.split()))
            elif isinstance(node, ast.JoinedStr):
                texts.append("".join(str(getattr(part, "value", "")) for part in node.values))
    return "\n".join(texts)


def test_the_guide_quotes_what_the_program_really_says() -> None:
    symptoms = page("docs/guide.md").partition("## 9 Symptoms")[2]
    quoted = [sentence for line in symptoms.splitlines() for sentence in re.findall(r'^\| "([^"]+)"', line)]
    assert len(quoted) > 10
    unsaid = [sentence for sentence in quoted if sentence not in said_by_the_program()]
    assert unsaid == []


@pytest.mark.parametrize("name", PAGES)
def test_settings_that_a_page_names_exist(name: str) -> None:
    known = {field.upper() for field in Settings.model_fields}
    named = set(re.findall(r"`([A-Z][A-Z_]{4,})(?:=[^`]*)?`", page(name)))
    assert named <= known


def test_commands_that_the_guide_names_exist() -> None:
    known = {
        command.name or getattr(command.callback, "__name__", "") for command in cli.app.registered_commands
    }
    named = set(re.findall(r"python -m bot ([a-z]+)", page("docs/guide.md")))
    assert named
    assert named <= known


@pytest.mark.parametrize(
    "name", [*PAGES, "docs/operation.md", "docs/privacy.md", "docs/architecture.md", "README.md"]
)
def test_links_of_a_page_lead_to_files(name: str) -> None:
    folder = (ROOT / name).parent
    links = re.findall(r"\]\((?!https?:|#|⟦)([^)#]+)(?:#[^)]*)?\)", page(name))
    missing = [link for link in links if not (folder / link).exists()]
    assert missing == []


async def test_the_privacy_policy_speaks_of_every_table(tmp_path: Path) -> None:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    try:
        tables = await db.read(_tables())
    finally:
        await db.close()
    assert tables == _OF_MEMBERS.keys() | _OF_NOBODY
    policy = " ".join(page("docs/privacy-policy.md").split())
    assert [phrase for phrase in _OF_MEMBERS.values() if phrase not in policy] == []


def _tables() -> Transaction[set[str]]:
    rows = yield "SELECT name FROM sqlite_master WHERE type = 'table'", {}
    return {row["name"] for row in rows}
