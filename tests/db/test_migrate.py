"""Numbered files are applied once, in order, whole or not at all."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db import migrate
from bot.db.errors import DatabaseBroken, MigrationFault, SchemaTooNew


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(tmp_path / "any.sqlite", isolation_level=None)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


def write(folder: Path, **files: str) -> tuple[migrate.Migration, ...]:
    for name, text in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(text)
    return migrate.load(folder)


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_files_are_applied_in_order_and_once(connection: sqlite3.Connection, folder: Path) -> None:
    steps = write(folder, m0002_more="ALTER TABLE a ADD COLUMN y;", m0001_start="CREATE TABLE a (x);")
    assert migrate.apply(connection, steps) == 2
    assert migrate.apply(connection, steps) == 0
    found = connection.execute("SELECT number, name, applied_at_ms > 1.6e12 FROM schema_version").fetchall()
    assert found == [(1, "start", 1), (2, "more", 1)]


def test_a_failing_file_leaves_nothing_and_keeps_those_before(
    connection: sqlite3.Connection, folder: Path
) -> None:
    steps = write(folder, m0001_a="CREATE TABLE a (x);", m0002_b="CREATE TABLE b (x); CREATE TABLE a (x);")
    with pytest.raises(MigrationFault, match=r"0002_b\.sql failed.*already exists"):
        migrate.apply(connection, steps)
    assert tables(connection) == {"schema_version", "a"}
    assert migrate.apply(connection, write(folder, m0002_b="CREATE TABLE b (x);")) == 1


def test_an_applied_file_that_changed_is_refused(connection: sqlite3.Connection, folder: Path) -> None:
    migrate.apply(connection, write(folder, m0001_a="CREATE TABLE a (x);"))
    with pytest.raises(MigrationFault, match="never changes"):
        migrate.apply(connection, write(folder, m0001_a="CREATE TABLE a (x, y);"))


def test_line_endings_of_the_checkout_do_not_count_as_a_change(
    connection: sqlite3.Connection, folder: Path
) -> None:
    (folder / "0001_a.sql").write_bytes(b"CREATE TABLE a (\n x);\n")
    migrate.apply(connection, migrate.load(folder))
    (folder / "0001_a.sql").write_bytes(b"CREATE TABLE a (\r\n x);\r\n")
    assert migrate.apply(connection, migrate.load(folder)) == 0


def test_a_schema_newer_than_the_code_is_refused(connection: sqlite3.Connection, folder: Path) -> None:
    steps = write(folder, m0001_a="CREATE TABLE a (x);", m0002_b="CREATE TABLE b (x);")
    migrate.apply(connection, steps)
    with pytest.raises(SchemaTooNew):
        migrate.apply(connection, steps[:1])


def test_another_programs_file_is_left_alone(connection: sqlite3.Connection, folder: Path) -> None:
    connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(DatabaseBroken):
        migrate.apply(connection, write(folder, m0001_a="CREATE TABLE a (x);"))
    assert tables(connection) == {"theirs"}


@pytest.mark.parametrize(
    "names", [["m0002_a"], ["m0001_a", "m0003_b"], ["m0001_a", "m0001_b"], ["mstart"], []]
)
def test_numbers_run_without_gap_or_double(folder: Path, names: list[str]) -> None:
    with pytest.raises(MigrationFault):
        write(folder, **dict.fromkeys(names, "SELECT 1;"))


def test_a_rebuilt_table_may_not_orphan_rows(connection: sqlite3.Connection, folder: Path) -> None:
    steps = write(
        folder,
        m0001_a="CREATE TABLE a (x PRIMARY KEY); CREATE TABLE b (x REFERENCES a); INSERT INTO a VALUES (1);"
        "INSERT INTO b VALUES (1);",
        m0002_b="DROP TABLE a; CREATE TABLE a (x PRIMARY KEY);",
    )
    with pytest.raises(MigrationFault, match="rows of b that point nowhere"):
        migrate.apply(connection, steps)
    assert connection.execute("SELECT count(*) FROM a").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement", ["COMMIT;", " begin;", "-- why\nRollback;", "/* x */ SAVEPOINT s;", "END;"]
)
def test_a_file_may_not_end_its_own_transaction(folder: Path, statement: str) -> None:
    (step,) = write(folder, m0001_a=f"CREATE TABLE a (x);{statement}")
    with pytest.raises(MigrationFault, match="may not control transactions"):
        step.statements("sqlite")


def test_marked_lines_are_for_one_database() -> None:
    text = "CREATE TABLE a (\n  -- sqlite: id INTEGER,\n  -- pg: id BIGINT,\n  -- note: kept\n  x);\n"
    assert migrate.select(text, "sqlite") == "CREATE TABLE a (\n id INTEGER,\n  -- note: kept\n  x);\n"
    assert migrate.select(text, "pg") == "CREATE TABLE a (\n id BIGINT,\n  -- note: kept\n  x);\n"


def test_statements_keep_their_inner_semicolons() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;"
    text = f"-- one; two\nINSERT INTO a VALUES ('x;y'); SELECT 1; {trigger} -- the end; really\n"
    assert list(migrate.split(text)) == ["-- one; two\nINSERT INTO a VALUES ('x;y');", "SELECT 1;", trigger]


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT 'x;", "CREATE TRIGGER t BEGIN SELECT 1;"])
def test_an_unfinished_statement_is_refused(text: str) -> None:
    with pytest.raises(MigrationFault, match="ends inside a statement"):
        list(migrate.split(text))


def test_the_bots_own_migrations_apply(connection: sqlite3.Connection) -> None:
    own = migrate.load(Path(migrate.__file__).parent / "migrations")
    assert migrate.apply(connection, own) == len(own)


_WRITTEN = {
    "0001_start.sql": "cfb17902cce1b138d7c9963e68cce993d11324e3f2d3f6abf68972b5b43ad7fc",
    "0002_providers.sql": "626fea336bc66feba16de93d8137e958d595efda321254fe141de13e04ee26f0",
    "0003_quotas.sql": "257aca9568671227cdcb3725f2a932c4c4a3df2df57243ba380090f4ca649bec",
    "0004_home.sql": "3a8e93fc4759f33475c8dbbc008226ea0baff1695e94de3c49f8363b240e8222",
    "0005_trust.sql": "fe4a12bc635e66c157230f9cc185724811c598d7f9c239ac8e3457651abcab1e",
    "0006_paintings.sql": "6c54ad084bb9a87b3071dac121135057658b128b107b37fbdadc0bdd44a86808",
    "0007_painted.sql": "022e7b056d18a0159cdf85dcd0ac5ba245cf1c0896e1f4109030ef93a3cbcd9d",
    "0008_cluster.sql": "091a928f78b1f82630ae5c3ae6aec3c7d5a24f294589942c444c947a21d0839d",
    "0009_providers.sql": "65ecd26160c7fbc8640806e31507db527027aaec4c222a6b5baa0e7e63fa166b",
}
"""What installations have applied; a new file is added here, and none of these ever changes."""


def test_what_installations_have_applied_is_still_word_for_word_so() -> None:
    own = migrate.load(Path(migrate.__file__).parent / "migrations")
    assert {str(step): step.checksum for step in own} == _WRITTEN
