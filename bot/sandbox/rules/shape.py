"""How a JSON value is described: a check says in sentences what is wrong at one place of the body.

Places are written as in Discord's own errors, for example `data.components[0].label`; the root is "".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, cast

Json: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[str, object], Iterator[str]]
Rule: TypeAlias = Callable[[str, Json], Iterator[str]]


def at(where: str, key: str) -> str:
    """The place of a key inside the object at `where`."""
    return f"{where}.{key}" if where else key


def as_object(value: object) -> Json:
    """The value when it is a JSON object, otherwise an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value when it is a JSON array, otherwise an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def is_whole(value: object) -> TypeGuard[int]:
    """Whether this is an integer; JSON's true and false are not, though Python's are."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Shape:
    """An object: the keys it may have, those it needs, and rules that look at several keys.

    None is accepted for a key that is not required. The rules run only on an object whose keys are
    all right, so they may trust the types. A key that is not listed is a fault, unless `is_open`:
    Discord drops such a key without a word, which hides a misspelling.
    """

    fields: Mapping[str, Check]
    required: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    is_open: bool = False

    def __call__(self, where: str, value: object) -> Iterator[str]:
        """Say what is wrong with the value."""
        if not isinstance(value, dict):
            yield f"{where or 'The body'} must be an object."
            return
        body = as_object(cast("object", value))
        faults = [*self._missing(where, body), *self._wrong(where, body)]
        yield from faults
        if not faults:
            for rule in self.rules:
                yield from rule(where, body)

    def _missing(self, where: str, body: Json) -> Iterator[str]:
        for key in sorted(self.required):
            if body.get(key) is None:
                yield f"{at(where, key)} is missing."

    def _wrong(self, where: str, body: Json) -> Iterator[str]:
        for key, value in body.items():
            if key in self.fields:
                if value is not None:
                    yield from self.fields[key](at(where, key), value)
            elif not self.is_open:
                yield f"{at(where, key)} is a key that Discord does not know here."


def anything(_where: str, _value: object) -> Iterator[str]:
    """Accept every value."""
    yield from ()


def truth(where: str, value: object) -> Iterator[str]:
    """Accept true and false."""
    if not isinstance(value, bool):
        yield f"{where} must be true or false."


def snowflake(where: str, value: object) -> Iterator[str]:
    """Accept an id, which Discord takes as digits or as an integer."""
    if not (is_whole(value) and value >= 0) and not (
        isinstance(value, str) and value.isascii() and value.isdigit()
    ):
        yield f"{where} must be an id, not {value!r}."


def text(low: int, high: int) -> Check:
    """Accept a string of `low` to `high` characters."""

    def check(where: str, value: object) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{where} must be a text."
        elif not low <= len(value) <= high:
            yield f"{where} must have {low} to {high} characters; it has {len(value)}."

    return check


def whole(low: int, high: int) -> Check:
    """Accept an integer from `low` to `high`."""

    def check(where: str, value: object) -> Iterator[str]:
        number = int(value) if isinstance(value, float) and value.is_integer() else value  # JSON's 24.0 is 24
        if not is_whole(number) or not low <= number <= high:
            yield f"{where} must be a whole number from {low} to {high}, not {value!r}."

    return check


def one_of(*allowed: str | int) -> Check:
    """Accept one of these values."""

    def check(where: str, value: object) -> Iterator[str]:
        if isinstance(value, bool) or value not in allowed:
            yield f"{where} must be one of {', '.join(map(str, allowed))}, not {value!r}."

    return check


def address(*schemes: str, high: int = 2048) -> Check:
    """Accept a URL of one of these schemes, of at most `high` characters."""
    pattern = re.compile(rf"(?:{'|'.join(schemes)})://\S+")

    def check(where: str, value: object) -> Iterator[str]:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield f"{where} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}."
        elif len(value) > high:
            yield f"{where} must have at most {high} characters; it has {len(value)}."

    return check


def items(check: Check, low: int, high: int, *, unique: bool = False) -> Check:
    """Accept an array of `low` to `high` entries, each of which passes `check`."""

    def check_all(where: str, value: object) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where} must be a list."
            return
        entries = as_list(cast("object", value))
        if not low <= len(entries) <= high:
            yield f"{where} must have {low} to {high} entries; it has {len(entries)}."
        if unique and len({repr(entry) for entry in entries}) < len(entries):
            yield f"{where} names an entry twice."
        for index, entry in enumerate(entries):
            yield from check(f"{where}[{index}]", entry)

    return check_all


def by_type(what: str, checks: Mapping[int, Check]) -> Check:
    """Accept an object whose `type` is listed and which passes the check of that type."""

    def check(where: str, value: object) -> Iterator[str]:
        kind: object = as_object(value).get("type")
        if is_whole(kind) and kind in checks:
            yield from checks[kind](where, value)
        else:
            yield f"{where} cannot be {what} of type {kind!r} here."

    return check


def repeated(values: list[str]) -> list[str]:
    """The values that occur more than once, in the order of their first occurrence."""
    return [value for value in dict.fromkeys(values) if values.count(value) > 1]
