"""The scripts that dump and restore PostgreSQL, on a real one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from bot import settings as environment
from bot.db import audit
from tests.deploy.files import DEPLOY, ROOT
from tests.histories import NOW_MS, ROADS, Past, PostgresHistory, lived
from tests.postgres import PostgresServer

SCRIPTS = DEPLOY / "postgres"

LOOKED_AT = """#!/bin/sh
[ "$PGPASSWORD" = 'p:w% é' ] || exit 70
cat /proc/[0-9]*/cmdline 2> /dev/null >> "$SEEN"
exec {program} "$@"
"""
"""A program of PostgreSQL's that has been handed the password, and looks first at what every user of the machine sees."""

pytestmark = pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")


def run(script: str, url: str, place: Path) -> subprocess.CompletedProcess[str]:
    file = place.with_name("database_url")
    file.write_text(f"{url}\n")
    return subprocess.run(["sh", SCRIPTS / script, file, place], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://kinora:plain@db.example.com:5432/kinora",
        "postgres://kin%40ora:p%3aw%25%20%C3%a9%2F@a:1,b:2/kinora?target_session_attrs=read-write",
        "postgresql://kinora@db.example.com/kinora?password=p%26w&sslmode=require",
        "postgresql://kinora@db.example.com/kinora?sslmode=require&password=last",
        "postgresql://kinora:first@/kinora?host=/var/run/postgresql&password=it",
        "postgresql://kinora@db.example.com:5432/kinora",
        "postgresql:///kinora?application_name=a@b:c",
    ],
)
def test_an_address_means_the_same_without_its_password(url: str, tmp_path: Path) -> None:
    (tmp_path / "database_url").write_text(f"{url}\n")
    asked = '. "$0"; address "$1"; printf "%s\\n" "$url" "${PGPASSWORD-}"'
    command = ["sh", "-euc", asked, SCRIPTS / "address.sh", tmp_path / "database_url"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    address, password = done.stdout.splitlines()
    left = conninfo_to_dict(address)
    assert "password" not in left
    assert left | ({"password": password} if password else {}) == conninfo_to_dict(url)


def test_no_user_of_the_machine_sees_the_password(
    dump: Path, bare_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pg_dump", "psql", "pg_restore"):
        (tmp_path / name).write_text(LOOKED_AT.format(program=shutil.which(name)))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    url = bare_postgres_url.replace("kinora@", "kinora:p%3Aw%25%20%C3%A9@")
    assert url != bare_postgres_url
    for script, place in (("restore.sh", dump), ("backup.sh", dump.parent)):
        done = run(script, url, place)
        assert done.returncode == 0, done.stderr
    seen = (tmp_path / "seen").read_bytes()
    for part in (b"--dbname=postgresql://kinora@", b"pg_dump", b"psql", b"pg_restore"):
        assert part in seen
    for secret in (b"p%3Aw", "p:w% é".encode()):
        assert secret not in seen


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
