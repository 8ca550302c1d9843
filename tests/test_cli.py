"""The command line: each kind of end once as a process of its own, the rest of the words in this one."""

import csv
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import pytest
import structlog
from pydantic import SecretStr

from bot import cli
from bot.db import guilds, limits, opening, usage
from bot.db.errors import DatabaseInUse
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import KinoraError
from bot.domain.provider import ProviderFault
from bot.media.errors import NotAPicture
from bot.settings import Settings, SettingsInvalid
from tests import builders
from tests.histories import DAY_MS, History, Past, lived
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "bot" / "sandbox" / "sample.jpg"

Ended = tuple[int, str, list[str]]
"""The exit status, standard output, and the lines on standard error."""


@pytest.fixture
def kinora(tmp_path: Path) -> Callable[..., Ended]:
    """`python -m bot` in an empty folder without settings."""

    def run(*arguments: str | Path, **settings: str) -> Ended:
        names = {name.upper() for name in Settings.model_fields}
        environment = {name: value for name, value in os.environ.items() if name not in names}
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT), **settings},
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE_S,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr.splitlines()

    return run


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """The same in this process, which is quicker; logging is put back afterwards."""
    root = logging.getLogger()
    before = root.handlers, root.level
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["python -m bot", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err.splitlines()

    yield run
    root.handlers, root.level = before
    structlog.reset_defaults()


def test_a_picture_becomes_a_clip_that_plays(kinora: Callable[..., Ended], tmp_path: Path) -> None:
    status, said, errors = kinora(
        "generate", "--image", SAMPLE, "--prompt", "it drifts", "--out", "made/clip.mp4"
    )
    assert (status, errors) == (0, [])
    assert "made/clip.mp4: " in said
    assert "5.0 s" in said
    with av.open(str(tmp_path / "made" / "clip.mp4")) as clip:
        assert clip.duration == 5 * 1_000_000
        assert sum(1 for _ in clip.decode(video=0)) >= 5 * 24
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_without_a_token_the_bot_says_so_and_leaves(kinora: Callable[..., Ended]) -> None:
    status, said, errors = kinora("run")
    assert (status, said) == (2, "")
    assert len(errors) == 1
    assert errors[0].startswith("DISCORD_TOKEN is not set.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shards", "4-2/8"), "--shards is not understood. Write it like 0-3/16"),
        (("--role", "worker"), "--role worker needs a database that processes share"),
        (("--role", "boss"), "'boss' is not one of 'all', 'gateway', 'worker'"),
    ],
)
def test_a_part_of_the_work_that_cannot_be_is_a_usage_fault(
    command: Callable[..., Ended], arguments: tuple[str, ...], words: str
) -> None:
    status, said, errors = command("run", *arguments)
    assert (status, said) == (2, "")
    assert words in errors[0]


@pytest.mark.parametrize("arguments", [("--role", "worker"), ("--role", "gateway"), ("--shards", "0-1/4")])
def test_processes_that_would_keep_files_each_for_itself_are_refused(
    command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://kinora@127.0.0.1:1/kinora")
    status, _, errors = command("run", *arguments)
    assert status == 2
    assert "set BLOB_URL to a bucket" in errors[0]


def test_a_database_that_is_none_is_a_failure_in_a_sentence(
    kinora: Callable[..., Ended], tmp_path: Path
) -> None:
    (tmp_path / "notes.db").write_text("my dear diary " * 1000)
    status, said, errors = kinora("migrate", DATABASE_URL="sqlite:///notes.db")
    assert (status, said) == (1, "")
    assert len(errors) == 1
    assert "restore a backup" in errors[0]


def test_the_database_is_brought_up_to_date_as_often_as_one_likes(
    command: Callable[..., Ended], tmp_path: Path
) -> None:
    for _ in range(2):
        assert command("migrate") == (0, f"{Path('data/kinora.db')} is up to date.\n", [])
    assert (tmp_path / "data" / "kinora.db").stat().st_size > 0


def test_an_installation_is_moved_to_postgresql(
    command: Callable[..., Ended], past: Path, bare_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"sqlite:///{past}"
    status, said, errors = command("migrate", "--from", source, "--to", bare_postgres_url)
    assert (status, errors) == (0, [])
    assert "  ledger: " in said
    assert "counted and checked" in said
    monkeypatch.setenv("DATABASE_URL", bare_postgres_url)
    assert command("migrate") == (0, "The PostgreSQL database is up to date.\n", [])
    monkeypatch.setenv("DATABASE_URL", source)
    status, _, [error] = command("migrate")
    assert status == 1
    assert "was moved to PostgreSQL" in error


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--to", "postgresql://h/k"), 2, "--to needs --from"),
        (
            ("--from", "postgresql://h/k", "--to", "postgresql://h/l"),
            2,
            "Installations are moved from sqlite",
        ),
        (("--from", "sqlite:///k.db"), 2, "Installations are moved from sqlite"),
        (("--from", "mysql:///k.db"), 2, "A database is written like"),
        (("--from", "sqlite:///k.db", "--to", "postgresql://127.0.0.1:1/k"), 1, "cannot be reached"),
    ],
)
def test_an_installation_that_cannot_be_moved_stays(
    command: Callable[..., Ended], tmp_path: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    left, said, errors = command("migrate", *arguments)
    assert (left, said) == (status, "")
    assert words in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_writes_and_spends_nothing(command: Callable[..., Ended], tmp_path: Path) -> None:
    status, said, errors = command(
        "generate", "--image", SAMPLE, "--duration", "10", "--quality", "pro", "--camera", "zoom",
        "--out", "clip.mp4", "--dry-run",
    )  # fmt: skip
    assert (status, errors) == (0, [])
    assert "10 s in pro quality for 20 credits" in said
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_is_none_is_a_failure(command: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "in.png").write_text("<html>")
    status, _, errors = command("generate", "--image", "in.png", "--out", "clip.mp4")
    assert status == 1
    assert errors == ["This file is not a picture I can read; send a JPEG, PNG, WebP or GIF."]


USAGE_FAULTS: dict[str, tuple[list[str], str]] = {
    "no command": ([], "Missing command."),
    "unknown command": (["animate"], "No such command 'animate'."),
    "unknown option": (["generate", "--colour", "red"], "No such option: --colour"),
    "no out": (["generate", "--prompt", "x"], "Missing option '--out'."),
    "out is a folder": (["generate", "--prompt", "x", "--out", "."], "is a directory."),
    "no such picture": (["generate", "--image", "x.png", "--out", "y"], "does not exist."),
    "not a number": (["generate", "--prompt", "x", "--out", "y", "--duration", "long"], "'--duration'"),
    "no such server": (["usage", "--guild", str(2**63)], "'--guild'"),
    "no server to cap": (["ceiling", "--guild", str(2**63), "--credits", "5"], "'--guild'"),
    "no such member": (["forget", "--member", str(2**63)], "'--member'"),
    "unknown quality": (["generate", "--prompt", "x", "--out", "y", "--quality", "8k"], "'8k' is not one of"),
}


@pytest.mark.parametrize("name", USAGE_FAULTS)
def test_a_command_that_is_none_says_what_is_wrong_and_where_help_is(
    command: Callable[..., Ended], name: str
) -> None:
    arguments, words = USAGE_FAULTS[name]
    status, said, errors = command(*arguments)
    assert (status, said) == (2, "")
    assert words in errors[0]
    assert errors[1:] == ["Try `python -m bot --help`."]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--duration", "7"], "The local renderer makes clips of 5 or 10 seconds, not 7."),
        (["--duration", "0"], "duration: input should be greater than 0."),
        (
            ["--provider", "kling"],
            "kling is not at hand: KLING_API_KEY (or KLING_ACCESS_KEY and KLING_SECRET_KEY) is not set. At hand: local.",
        ),
        (["--provider", "sora"], "Choose one of the providers at hand: local."),
        (["--camera-amount", "5"], "Choose the camera move that the amount is for."),
        (["--camera", "spin"], "camera: there is no move spin; choose one of "),
        (["--prompt", ""], "Say in the prompt what the video shows."),
    ],
)
def test_options_that_cannot_be_are_a_usage_fault(
    command: Callable[..., Ended], options: list[str], words: str
) -> None:
    status, _, errors = command("generate", "--out", "clip.mp4", "--prompt", "x", *options)
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith(words)


def test_a_wrong_setting_is_a_settings_fault(
    command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    status, _, errors = command("migrate")
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith("LOG_LEVEL in the environment or .env is not valid: ")


def test_help_is_no_error(command: Callable[..., Ended]) -> None:
    status, said, errors = command("generate", "--help")
    assert (status, errors) == (0, [])
    assert "--dry-run" in said


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (SettingsInvalid("DATA_DIR is wrong."), 2, "DATA_DIR is wrong."),
        (DatabaseInUse("Another Kinora is running."), 1, "Another Kinora is running."),
        (NotAPicture(), 1, "This file is not a picture I can read; send a JPEG, PNG, WebP or GIF."),
        (PermissionError(13, "Permission denied", "/srv/x"), 1, "Permission denied: /srv/x"),
        (OSError("no route"), 1, "Kinora stopped: OSError: no route"),
        (ProviderFault("503\nfor now"), 1, "Kinora stopped: ProviderFault: 503 for now"),
        (RuntimeError("at /webhooks/1/secret/x"), 1, "Kinora stopped: RuntimeError: at /webhooks/1/…/x"),
        (ExceptionGroup("", [ExceptionGroup("", [KinoraError("Inside.")])]), 1, "Inside."),
    ],
)
def test_whatever_goes_wrong_is_a_line(
    command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, line: str
) -> None:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(cli, "_settings", fail)
    assert command("migrate") == (status, "", [line])


def test_who_interrupts_gets_the_usual_status(
    command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_settings", interrupt)
    assert command("migrate") == (130, "", [])


# ---- What the operator asks and sets


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """The database of a bot that is not running, with clips of two servers."""
    path = tmp_path / "data" / "kinora.db"
    path.parent.mkdir()
    history = History(path)
    with closing(history.connection):
        history.add(
            Past(guild_id=11, at_ms=now_ms(), price=10, worth=8, cost_usd="0.04"),
            Past(guild_id=11, at_ms=now_ms() - 10 * DAY_MS, price=10),
            Past(guild_id=12, at_ms=now_ms(), provider="local", price=5),
        )
    return path


def row(lines: Sequence[str], name: str) -> list[str]:
    """The cells of the first line that begins with a name."""
    return next(line.split() for line in lines if line.split()[:1] == [name])


@pytest.mark.usefixtures("past")
def test_usage_is_a_table_of_servers_and_providers(command: Callable[..., Ended]) -> None:
    status, said, errors = command("usage", "--days", "7")
    assert (status, errors) == (0, [])
    lines = said.splitlines()
    assert lines[0] == "Last 7 days (UTC)"
    assert row(lines, "11") == ["11", "1", "10", "8", "$0.04", "1", "$0.00", "$0.06", "0", "none"]
    assert row(lines, "local") == ["local", "1", "5", "5", "$0.00", "0", "$0.00", "$0.05", "0"]
    assert row(lines, "all")[:3] == ["all", "2", "15"]


@pytest.mark.usefixtures("past")
def test_usage_can_be_one_servers_and_of_other_days(command: Callable[..., Ended]) -> None:
    _, said, _ = command("usage", "--guild", "11")
    assert row(said.splitlines(), "all")[:3] == ["all", "2", "20"]
    assert "12" not in [line.split()[0] for line in said.splitlines() if line]


@pytest.mark.usefixtures("past")
def test_usage_as_csv_is_nothing_but_csv(command: Callable[..., Ended]) -> None:
    status, said, errors = command("usage", "--csv")
    assert (status, errors) == (0, [])
    lines = list(csv.DictReader(said.splitlines()))
    assert [(line["server_id"], line["provider"], line["credits"]) for line in lines] == [
        ("11", "kling", "20"),
        ("12", "local", "5"),
    ]


async def test_usage_and_ceilings_do_not_disturb_a_bot_that_runs(
    kinora: Callable[..., Ended], past: Path
) -> None:
    db = await SqliteDatabase.open(past)
    try:
        await db.write(lived(Past(guild_id=12, at_ms=now_ms(), provider="local", price=6)))
        status, said, errors = kinora("usage")
        assert (status, errors) == (0, [])
        assert row(said.splitlines(), "12")[:3] == ["12", "2", "11"]
        assert kinora("ceiling", "--guild", "12", "--credits", "3,000") == (
            0,
            "12: 3,000 credits a month.\n",
            [],
        )
        overview = await db.read(usage.across(days=1, now_ms=now_ms()))
        assert overview.ceilings == {12: 3000}
        await db.write(lived(Past(guild_id=12, at_ms=now_ms(), provider="local", price=6)))
    finally:
        await db.close()


def test_a_ceiling_can_be_taken_away(command: Callable[..., Ended], past: Path) -> None:
    command("ceiling", "--guild", "11", "--credits", "5")
    assert command("ceiling", "--guild", "11", "--credits", "none") == (0, "11: no ceiling.\n", [])
    history = History(past)
    with closing(history.connection):
        assert history.read(limits.all_of(11)).rows == ()
        notes = [(one["kind"], one["by_id"], one["reason"]) for one in history.ledger(11)]
    assert notes[-2:] == [
        ("limit", 0, "the operator's ceiling: 5 credits a month"),
        ("limit", 0, "the operator's ceiling: none"),
    ]


def test_an_operator_can_forget_a_member(command: Callable[..., Ended], past: Path) -> None:
    status, said, errors = command("forget", "--member", "100")
    assert (status, errors) == (0, [])
    assert said.startswith("100 is forgotten. ")
    with closing(sqlite3.connect(past)) as connection:
        assert connection.execute("SELECT DISTINCT user_id FROM jobs").fetchall() == [(-1,)]


@pytest.mark.usefixtures("past")
def test_a_server_that_nobody_knows_gets_no_ceiling(command: Callable[..., Ended]) -> None:
    status, said, errors = command("ceiling", "--guild", "99", "--credits", "5")
    assert (status, said, len(errors)) == (1, "", 1)
    assert errors[0].startswith("The bot has never seen a server of this id")


@pytest.mark.usefixtures("past")
def test_a_ceiling_that_is_none_is_a_usage_fault(command: Callable[..., Ended]) -> None:
    status, said, errors = command("ceiling", "--guild", "11", "--credits", "lots")
    assert (status, said) == (2, "")
    assert "A ceiling is a whole number of credits a month from 0 to 1,000,000,000, or `none`." in errors[0]


@pytest.mark.parametrize("arguments", [["usage"], ["ceiling", "--guild", "1", "--credits", "5"]])
def test_where_there_is_no_database_none_is_made(
    command: Callable[..., Ended], tmp_path: Path, arguments: list[str]
) -> None:
    status, said, errors = command(*arguments)
    assert (status, said) == (1, "")
    assert errors == [
        f"There is no database at {Path('data/kinora.db')} yet; the bot makes it when it first runs."
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["usage", "--days", "91"], ["usage", "--days", "0"], ["ceiling"]])
def test_days_that_cannot_be_and_options_that_are_missing_are_usage_faults(
    command: Callable[..., Ended], arguments: list[str]
) -> None:
    status, said, errors = command(*arguments)
    assert (status, said) == (2, "")
    assert errors[-1] == "Try `python -m bot --help`."


def test_what_the_operator_asks_and_sets_works_on_postgresql(
    command: Callable[..., Ended], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    opening.change(SecretStr(postgres_url), guilds.settle_in(11, defaults=builders.NO_CAPS))
    assert command("ceiling", "--guild", "11", "--credits", "50") == (0, "11: 50 credits a month.\n", [])
    status, said, _ = command("usage")
    assert (status, row(said.splitlines(), "all")[:2]) == (0, ["all", "0"])
    status, said, _ = command("forget", "--member", "5")
    assert (status, said.split(".")[0]) == (0, "5 is forgotten")
    status, said, _ = command("restored")
    assert (status, "Kinora may start" in said) == (0, True)
    assert command("backup", "copy.db")[0] == 1
