"""Application commands, alone and as the full list that a sync sends."""

import re
from collections.abc import Iterator
from typing import Any

from bot.sandbox.rules.options import DESCRIPTION, localized, name_of, options, slash_name
from bot.sandbox.rules.shape import (
    Check,
    Json,
    Shape,
    anything,
    as_list,
    as_object,
    by_type,
    is_whole,
    items,
    one_of,
    repeated,
    snowflake,
    text,
    truth,
    whole,
)

SLASH, USER_MENU, MESSAGE_MENU, ENTRY_POINT = 1, 2, 3, 4
_LIMITS = {
    SLASH: (100, "slash commands"),
    USER_MENU: (15, "user commands"),
    MESSAGE_MENU: (15, "message commands"),
    ENTRY_POINT: (1, "entry points"),
}
_MAX_LENGTH = 8000
_MENU_NAME = text(1, 32)


def _permissions(where: str, value: object) -> Iterator[str]:
    if not is_whole(value) and not (isinstance(value, str) and re.fullmatch(r"\d+", value)):
        yield f"{where} must be a set of permissions written as an integer, not {value!r}."


def _no_description(where: str, value: object) -> Iterator[str]:
    if value != "":
        yield f"{where} must be empty; a context menu has no description."


def _length_fits(where: str, command: Json) -> Iterator[str]:
    length = _length(command)
    if length > _MAX_LENGTH:
        yield f"{where or 'The command'} may have {_MAX_LENGTH} characters in all; it has {length}."


def _length(part: Json) -> int:
    own = _longest(part, "name") + _longest(part, "description")
    own += len(part["value"]) if isinstance(part.get("value"), str) else 0
    inner = [*as_list(part.get("options")), *as_list(part.get("choices"))]
    return own + sum(_length(as_object(entry)) for entry in inner)


def _longest(part: Json, key: str) -> int:
    texts = [part.get(key) or "", *as_object(part.get(f"{key}_localizations")).values()]
    return max(len(words) for words in texts)


_COMMON: dict[str, Check] = {
    "id": snowflake,
    "type": one_of(*_LIMITS),
    "default_member_permissions": _permissions,
    "dm_permission": truth,
    "default_permission": truth,
    "nsfw": truth,
    "contexts": items(whole(0, 2), 1, 3, unique=True),
    "integration_types": items(whole(0, 1), 1, 2, unique=True),
    "handler": one_of(1, 2),
}
_SLASH_KEYS: dict[str, Check] = {
    "name": slash_name,
    "name_localizations": localized(slash_name),
    "description": DESCRIPTION,
    "description_localizations": localized(DESCRIPTION),
    "options": options,
}
_MENU_KEYS: dict[str, Check] = {
    "name": _MENU_NAME,
    "name_localizations": localized(_MENU_NAME),
    "description": _no_description,
    "description_localizations": anything,
    "options": items(anything, 0, 0),
}
_MENU = Shape({**_COMMON, **_MENU_KEYS}, frozenset({"name"}))
_BY_TYPE = by_type(
    "a command",
    {
        SLASH: Shape({**_COMMON, **_SLASH_KEYS}, frozenset({"name", "description"}), (_length_fits,)),
        USER_MENU: _MENU,
        MESSAGE_MENU: _MENU,
        ENTRY_POINT: Shape({**_COMMON, **_SLASH_KEYS}, frozenset({"name", "description"})),
    },
)
CHANGED = Shape({**_COMMON, **_SLASH_KEYS, "name": _MENU_NAME, "description": text(0, 100)})


def command(where: str, value: object) -> Iterator[str]:
    """What is wrong with one command, which is a slash command unless it says otherwise."""
    given: Any = value
    if isinstance(value, dict) and as_object(given).get("type") is None:
        given = {**as_object(given), "type": SLASH}
    yield from _BY_TYPE(where, given)


def synced(where: str, value: object) -> Iterator[str]:
    """What is wrong with the list that replaces all commands of a scope."""
    entries = as_list(value)
    if not isinstance(value, list):
        yield "The body must be the list of all commands."
    for index, entry in enumerate(entries):
        yield from command(f"{where}[{index}]", entry)
    commands = [as_object(entry) for entry in entries]
    for kind, (limit, what) in _LIMITS.items():
        names = [name_of(entry) for entry in commands if (entry.get("type") or SLASH) == kind]
        if len(names) > limit:
            yield f"There may be {limit} {what}; the list has {len(names)}."
        for name in repeated(names):
            yield f"The list has two {what} that are called {name}."
