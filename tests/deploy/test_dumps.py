"""The scripts that dump and restore PostgreSQL, on a real one."""

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bot import settings as environment
from bot.db import audit
from tests.deploy.files import DEPLOY, ROOT
from tests.histories import NOW_MS, ROADS, Past, PostgresHistory, lived
from tests.postgres import PostgresServer

SCRIPTS = DEPLOY / "postgres"

pytestmark = pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")


def run(script: str, url: str, place: Path) -> subprocess.CompletedProcess[str]:
    file = place.with_name("database_url")
    file.write_text(f"{url}\n")
    return subprocess.run(["sh", SCRIPTS / script, file, place], capture_output=True, text=True, check=False)


def counted(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            name: len(connection.execute(f"SELECT 1 FROM {name}".encode()).fetchall()) for [name] in names
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "backups"
    path.mkdir()
    return path


@pytest.fixture
def dump(postgres_url: str, folder: Path) -> Path:
    history = PostgresHistory(postgres_url)
    for number, end in enumerate(ROADS):
        history.write(lived(Past(end=end, at_ms=NOW_MS - number * 3_600_000, user_id=7 + number, guild_id=1)))
    history.close()
    done = run("backup.sh", postgres_url, folder)
    assert done.returncode == 0, done.stderr
    [made] = folder.iterdir()
    assert done.stdout == f"{made}\n"
    return made


def test_a_dump_holds_everything_and_is_put_back_whole(
    dump: Path, postgres_url: str, bare_postgres_url: str, tmp_path: Path
) -> None:
    assert dump.stat().st_mode & 0o777 == 0o600
    done = run("restore.sh", bare_postgres_url, dump)
    assert done.returncode == 0, done.stderr
    assert counted(bare_postgres_url) == counted(postgres_url)
    said = done.stderr.strip().rpartition(": ")[2]
    assert said == "python -m bot restored"
    told = environment.inherited(DATABASE_URL=bare_postgres_url, PYTHONPATH=str(ROOT))
    noted = subprocess.run(
        [sys.executable, *said.split()[1:]],
        cwd=tmp_path,
        env=told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert noted.returncode == 0, noted.stderr
    history = PostgresHistory(bare_postgres_url)
    assert history.read(audit.discrepancies()) == 0
    history.close()


def test_nothing_is_restored_over_what_is_there(dump: Path, postgres_url: str) -> None:
    before = counted(postgres_url)
    done = run("restore.sh", postgres_url, dump)
    assert done.returncode == 1
    assert "restore into a new, empty one" in done.stderr
    assert counted(postgres_url) == before


def test_a_database_that_is_away_leaves_no_dump(postgres: PostgresServer, folder: Path) -> None:
    done = run("backup.sh", postgres.url("nowhere"), folder)
    assert done.returncode != 0
    assert not list(folder.iterdir())
