"""Transactions are driven without a database."""

from collections.abc import Mapping

import pytest

from bot.db.transaction import Execute, Row, Rows, Transaction, run

Asked = list[tuple[str, Mapping[str, object]]]


def recorder(asked: Asked, answers: list[Rows]) -> Execute:
    def execute(sql: str, parameters: Mapping[str, object]) -> Rows:
        asked.append((sql, parameters))
        return answers[len(asked) - 1]

    return execute


def failing(_sql: str, _parameters: Mapping[str, object]) -> Rows:
    raise LookupError("no such table")


def two_steps() -> Transaction[int]:
    first: Rows = yield "SELECT 1", {}
    second: Rows = yield "SELECT :n", {"n": len(first)}
    return len(first) + len(second)


def test_each_yield_receives_the_rows_of_its_statement(rows: list[Row]) -> None:
    asked: Asked = []
    assert run(two_steps(), recorder(asked, [rows, rows[:1]])) == 3
    assert asked == [("SELECT 1", {}), ("SELECT :n", {"n": 2})]


def test_a_transaction_without_statements_returns_its_value() -> None:
    def nothing() -> Transaction[str]:
        return "done"
        yield "SELECT 1", {}

    assert run(nothing(), failing) == "done"


def test_a_failed_statement_is_raised_at_its_yield() -> None:
    with pytest.raises(LookupError, match="no such table"):
        run(two_steps(), failing)


def test_a_transaction_may_turn_a_failure_into_a_better_one() -> None:
    def translating() -> Transaction[None]:
        try:
            yield "SELECT 1", {}
        except LookupError as error:
            raise PermissionError("closed") from error

    with pytest.raises(PermissionError, match="closed"):
        run(translating(), failing)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_transaction_cannot_outlive_a_failed_statement(*, goes_on: bool) -> None:
    cleaned: list[bool] = []

    def stubborn() -> Transaction[None]:
        try:
            try:
                yield "SELECT 1", {}
            except LookupError:
                if goes_on:
                    yield "SELECT 2", {}
        finally:
            cleaned.append(True)

    with pytest.raises(LookupError):
        run(stubborn(), failing)
    assert cleaned == [True]


@pytest.fixture
def rows() -> list[Row]:
    import sqlite3  # noqa: PLC0415 - only to have real rows

    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    found: list[Row] = connection.execute("SELECT 1 AS n UNION SELECT 2").fetchall()
    connection.close()
    return found
