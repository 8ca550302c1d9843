"""The plugin that looks for secrets finds them: in tests of its own, which another pytest runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import leaks
from tests.e2e import scenes
from tests.e2e.test_callbacks import WEBHOOK_SECRET
from tests.sandbox.conftest import TOKEN as SANDBOX_TOKEN
from tests.vendors.opened import NAMES

ROOT = Path(__file__).parents[1]
INTERACTION = "aW50ZXJhY3Rpb246" + "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA6c2VjcmV0"


@pytest.mark.parametrize(
    "text",
    [
        f"logged in with {scenes.TOKEN}",
        f"PATCH https://discord.com/api/v10/webhooks/1/{INTERACTION}/messages/@original",
        "GET https://cdn.discordapp.com/a.png?ex=1&is=2&hm=" + "a1" * 32,
        "POST /callbacks/kling/" + "s" * 43,
        "GET /originals/7/1790000000/" + "s" * 43,
        "GET /exports/" + "a1" * 32 + "/1790000000/" + "s" * 43,
        "{'Authorization': 'Bearer " + "k" * 20 + "'}",
    ],
)
def test_secrets_are_known_when_they_are_said(text: str) -> None:
    assert leaks.said(text)


@pytest.mark.parametrize(
    "text",
    [
        "POST /webhooks/1/…/messages/@original",
        "GET https://cdn.discordapp.com/a.png?ex=…&is=…&hm=…",
        "Authorization: Bearer $KLING_API_KEY",
        "/callbacks/kling/… 404",
        "Bot is ready",
    ],
)
def test_what_was_masked_is_none(text: str) -> None:
    assert leaks.said(text) == []


def test_what_tests_hand_to_the_bot_is_looked_for() -> None:
    keys = {f"sk-{name}" for name in NAMES}
    assert {scenes.TOKEN, SANDBOX_TOKEN} <= leaks.KNOWN
    assert all(any(known.startswith(key) for known in leaks.KNOWN) for key in keys)
    assert WEBHOOK_SECRET.removeprefix("whsec_").rstrip("=") in leaks.KNOWN


def test_a_test_that_lets_a_secret_out_fails(tmp_path: Path) -> None:
    """In the log of the bot or of a library, on the terminal, by a child, in a database and in what was deleted there."""
    written = tmp_path / "test_written.py"
    written.write_text(
        f"""
import logging, sqlite3, subprocess, sys
import structlog
TOKEN, INTERACTION = {scenes.TOKEN!r}, {INTERACTION!r}

def test_a_secret_in_the_log():
    structlog.get_logger("bot.x").debug("sent", to=TOKEN)

def test_a_secret_in_what_a_library_logs():
    logging.getLogger("aiohttp.client").info("sent to %s", TOKEN)

def test_a_secret_on_the_terminal():
    print(INTERACTION)

def test_a_secret_of_a_child():
    subprocess.run([sys.executable, "-c", f"import sys; sys.stderr.write('{{TOKEN}}')"], check=True)

def test_a_secret_in_a_database(tmp_path):
    with sqlite3.connect(tmp_path / "kinora.db") as connection:
        connection.execute("CREATE TABLE jobs (token TEXT)")
        connection.execute("INSERT INTO jobs VALUES (?)", (INTERACTION,))

def test_a_secret_that_was_deleted(tmp_path):
    with sqlite3.connect(tmp_path / "kinora.db") as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE notes (token TEXT)")
        connection.execute("INSERT INTO notes VALUES (?)", (INTERACTION,))
        connection.execute("DELETE FROM notes")

def test_a_link_in_a_job(tmp_path):
    with sqlite3.connect(tmp_path / "kinora.db") as connection:
        connection.execute("CREATE TABLE jobs (image TEXT)")
        connection.execute("INSERT INTO jobs VALUES ('https://cdn.discordapp.com/a.png?hm={"a1" * 32}')")

def test_nothing_of_the_kind(tmp_path):
    structlog.get_logger("bot.x").info("sent", to=f"/webhooks/1/{{INTERACTION}}/messages")
    with sqlite3.connect(tmp_path / "kinora.db") as connection:
        connection.execute("CREATE TABLE jobs (prompt TEXT)")
"""
    )
    command = [
        "-m",
        "pytest",
        "-q",
        "-rA",
        "-p",
        "tests.leaks",
        "-p",
        "no:cacheprovider",
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    ended = subprocess.run(
        [sys.executable, *command, "--rootdir", str(tmp_path), str(written)],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    failed = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert len(failed) == 7, ended.stdout
    assert not any("nothing_of_the_kind" in line for line in failed)
    assert ended.stdout.count("secrets came to light") >= 7
