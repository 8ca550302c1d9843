"""The first answer to an interaction."""

from collections.abc import Iterator, Sequence

from bot.sandbox.rules.messages import ANSWERED, EPHEMERAL, UPDATED
from bot.sandbox.rules.modals import MODAL
from bot.sandbox.rules.shape import Json, Shape, anything, as_list, as_object, at, items, one_of, text
from bot.sandbox.rules.values import choice_value

PONG, MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL_TYPE, PREMIUM, ACTIVITY = (
    1,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    12,
)
_ENVELOPE = Shape(
    {
        "type": one_of(
            PONG, MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL_TYPE, PREMIUM, ACTIVITY
        ),
        "data": anything,
    },
    frozenset({"type"}),
)


def _of_one_type(where: str, data: Json) -> Iterator[str]:
    values = [as_object(choice)["value"] for choice in as_list(data["choices"])]
    if len({isinstance(value, str) for value in values}) > 1:
        yield f"{at(where, 'choices')} mixes texts and numbers."


_SUGGESTION = Shape(
    {"name": text(1, 100), "name_localizations": anything, "value": choice_value},
    frozenset({"name", "value"}),
)
_SUGGESTIONS = Shape({"choices": items(_SUGGESTION, 0, 25)}, frozenset({"choices"}), (_of_one_type,))


def _only_ephemeral(where: str, data: Json) -> Iterator[str]:
    if data.get("flags") and data["flags"] != EPHEMERAL:
        yield f"{at(where, 'flags')} may only be {EPHEMERAL} in a deferral; the rest comes with the later edit."


_DEFERRAL = Shape({"flags": anything}, rules=(_only_ephemeral,))


def callback(body: object, files: Sequence[str]) -> Iterator[str]:
    """What is wrong with a callback of any type."""
    faults = list(_ENVELOPE("", body))
    if faults:
        yield from faults
        return
    answer = as_object(body)
    kind, data = answer["type"], answer.get("data")
    if files and kind not in {MESSAGE, UPDATE}:
        yield f"type {kind} takes no files."
    yield from _data(kind, data, files)


def _data(kind: int, data: object, files: Sequence[str]) -> Iterator[str]:
    if kind == MESSAGE:
        yield from ANSWERED("data", data, files)
    elif kind == UPDATE:
        yield from UPDATED("data", {} if data is None else data, files)
    elif kind == CHOICES:
        yield from _SUGGESTIONS("data", data)
    elif kind == MODAL_TYPE:
        yield from MODAL("data", data)
    elif kind == DEFERRED and data is not None:
        yield from _DEFERRAL("data", data)
    elif kind == DEFERRED_UPDATE and data:
        yield "data has nothing to say in a deferred update."
