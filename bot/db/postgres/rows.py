"""Values as SQLite gives and takes them: truth is 0 or 1, a sum of whole numbers is a whole number."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from psycopg import BaseConnection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import StrDumperUnknown


class PostgresRow:
    """One row, which gives its values by the names of their columns."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: dict[str, int], values: Sequence[Any]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, column: str) -> Any:
        return self._values[self._places[column]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> Sequence[str]:
        """The names of the columns, in order."""
        return list(self._places)


def rows(cursor: Any) -> Callable[[Sequence[Any]], PostgresRow]:
    """Psycopg's row factory of them."""
    places: dict[str, int] = {column.name: place for place, column in enumerate(cursor.description or ())}

    def make(values: Sequence[Any]) -> PostgresRow:
        return PostgresRow(places, values)

    return make


class _Truth(Dumper):
    oid = Int8Dumper.oid

    def dump(self, obj: bool) -> bytes:  # noqa: FBT001 - psycopg calls it
        return b"1" if obj else b"0"


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        """Without the one character that PostgreSQL has no place for; whatever sent it, it is not to stop a job."""
        return super().dump(obj.replace("\0", "\ufffd"))


class _LoadedTruth(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _LoadedNumber(Loader):
    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


def adapt(connection: BaseConnection[Any]) -> None:
    """Have a connection give and take values so.

    Whole numbers are all sent as the same type: a statement is prepared once for each combination of types.
    """
    adapters = connection.adapters
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(int, Int8BinaryDumper)
    adapters.register_dumper(bool, _Truth)
    adapters.register_dumper(str, _Text)
    adapters.register_loader("bool", _LoadedTruth)
    adapters.register_loader("numeric", _LoadedNumber)
