# ruff: noqa: ASYNC240 - nothing else runs in the loop while a test looks at its file
"""Opening and owning a file, and what is left of it after a kill."""

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from bot.db.errors import DatabaseBroken, DatabaseInUse, DatabaseUnavailable, DatabaseUnusable, MigrationFault
from bot.db.sqlite import SqliteDatabase
from tests.db.conftest import Ledger

ROOT = Path(__file__).parents[2]
CHILD = """
import asyncio, sys
from pathlib import Path
from bot.db.sqlite import SqliteDatabase

def note(n):
    yield "INSERT INTO counters VALUES (:name, 1)", {"name": str(n)}

async def writer(db, k):
    for n in range(k, 10**9, 8):
        await db.write(note(n))
        print(n, flush=True)

async def main():
    db = await SqliteDatabase.open(Path(sys.argv[1]), migrations=Path(sys.argv[2]))
    await asyncio.gather(*(writer(db, k) for k in range(8)))

asyncio.run(main())
"""


async def test_a_killed_process_keeps_every_acknowledged_row_and_frees_the_file(
    path: Path, migrations: Path, ledger: type[Ledger]
) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), str(migrations), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    acknowledged = [await child.stdout.readline() for _ in range(200)]
    with pytest.raises(DatabaseInUse, match="Another Kinora is running with this DATA_DIR"):
        await SqliteDatabase.open(path, migrations=migrations)
    child.kill()
    acknowledged += (await child.stdout.read()).splitlines(keepends=True)
    assert await child.wait() == -signal.SIGKILL
    # A line cut by the kill was not acknowledged.
    names = {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}
    db = await SqliteDatabase.open(path, migrations=migrations)
    try:
        assert len(names) >= 200
        assert names <= set(await db.read(ledger.everything()))
    finally:
        await db.close()


async def test_a_second_open_is_refused_until_the_first_closes(path: Path, migrations: Path) -> None:
    first = await SqliteDatabase.open(path, migrations=migrations)
    with pytest.raises(DatabaseInUse):
        await SqliteDatabase.open(path, migrations=migrations)
    await first.close()
    await (await SqliteDatabase.open(path, migrations=migrations)).close()


async def test_rows_are_there_after_reopening(path: Path, migrations: Path, ledger: type[Ledger]) -> None:
    for n in (1, 2):
        db = await SqliteDatabase.open(path, migrations=migrations)
        assert await db.write(ledger.increment("a")) == n
        await db.close()


async def test_a_file_that_is_no_database_is_refused_and_kept(path: Path, migrations: Path) -> None:
    path.write_bytes(b"a holiday picture" * 1000)
    with pytest.raises(DatabaseBroken, match="restore a backup"):
        await SqliteDatabase.open(path, migrations=migrations)
    assert path.read_bytes() == b"a holiday picture" * 1000


async def test_a_damaged_file_is_refused(path: Path, migrations: Path, ledger: type[Ledger]) -> None:
    db = await SqliteDatabase.open(path, migrations=migrations)
    for n in range(300):
        await db.write(ledger.put(f"{n:050}", n))
    await db.close()
    content = bytearray(path.read_bytes())
    content[2 * 4096 : 6 * 4096] = b"\xff" * (4 * 4096)
    path.write_bytes(content)
    with pytest.raises(DatabaseBroken, match=f"restore a backup .* \\({path}"):
        await SqliteDatabase.open(path, migrations=migrations)


async def test_a_lock_file_that_is_something_else_is_told(path: Path, migrations: Path) -> None:
    path.with_name(path.name + ".lock").write_bytes(b"a holiday picture" * 1000)
    with pytest.raises(DatabaseBroken):
        await SqliteDatabase.open(path, migrations=migrations)


async def test_another_programs_database_is_refused_and_kept(path: Path, migrations: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseBroken):
        await SqliteDatabase.open(path, migrations=migrations)
    assert path.read_bytes() == before


async def test_a_missing_folder_is_told(tmp_path: Path, migrations: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        await SqliteDatabase.open(tmp_path / "nowhere" / "kinora.sqlite", migrations=migrations)


async def test_a_refused_open_leaves_the_file_free(path: Path, migrations: Path) -> None:
    (migrations / "0002_bad.sql").write_text("nonsense;")
    with pytest.raises(MigrationFault):
        await SqliteDatabase.open(path, migrations=migrations)
    (migrations / "0002_bad.sql").unlink()
    await (await SqliteDatabase.open(path, migrations=migrations)).close()


async def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(DatabaseUnusable, match=r"3\.35"):
        await SqliteDatabase.open(path)
    assert not path.exists()


async def test_the_bots_own_schema_opens_by_default(path: Path, ledger: type[Ledger]) -> None:
    db = await SqliteDatabase.open(path)
    try:
        assert await db.read(ledger.sql("SELECT min(number) FROM schema_version")) == [(1,)]
    finally:
        await db.close()
