"""Selects and the other components that a person picks from, alike in messages and in modals."""

from collections.abc import Iterator

from bot.sandbox.rules.shape import (
    Check,
    Json,
    Rule,
    Shape,
    anything,
    as_list,
    as_object,
    at,
    is_whole,
    items,
    one_of,
    repeated,
    snowflake,
    text,
    truth,
    whole,
)

STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 3, 5, 6, 7, 8
SELECTS = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)
_DEFAULT_TYPES = {
    USER_SELECT: ("user",),
    ROLE_SELECT: ("role",),
    MENTIONABLE_SELECT: ("user", "role"),
    CHANNEL_SELECT: ("channel",),
}

CUSTOM_ID = text(1, 100)
ID = whole(0, 2**31 - 1)


def _is_named(where: str, emoji: Json) -> Iterator[str]:
    if not emoji.get("id") and not emoji.get("name"):
        yield f"{where} needs an id or a name."


EMOJI = Shape({"id": snowflake, "name": text(1, 32), "animated": truth}, rules=(_is_named,))
CHOICE = {"label": text(1, 100), "value": text(1, 100), "description": text(0, 100), "default": truth}
PLAIN_CHOICE = Shape(CHOICE, frozenset({"label", "value"}))
_SELECT_CHOICE = Shape({**CHOICE, "emoji": EMOJI}, frozenset({"label", "value"}))


def bounds_agree(where: str, picked: Json) -> Iterator[str]:
    """Whether min_values, which is 1 by default, is at most max_values, which is 1 by default too."""
    low, high = picked.get("min_values"), picked.get("max_values")
    low_count = low if is_whole(low) else min(1, high if is_whole(high) else 1)
    high_count = high if is_whole(high) else 1
    if low_count > high_count:
        yield f"{at(where, 'min_values')} is {low_count}, above max_values, which is {high_count}."


def optional_when_none_needed(where: str, picked: Json) -> Iterator[str]:
    """Whether a modal's component that may stay empty also says that it is not required."""
    if picked.get("min_values") == 0 and picked.get("required", True) is not False:
        yield f"{at(where, 'min_values')} is 0, so {at(where, 'required')} must be false."


def choices_agree(where: str, picked: Json) -> Iterator[str]:
    """Whether the values differ and there are enough options for max_values and not too many defaults."""
    options = [as_object(option) for option in picked["options"]]
    for value in repeated([option["value"] for option in options]):
        yield f"{at(where, 'options')} uses the value {value!r} twice."
    at_most = picked.get("max_values") or 1
    if at_most > len(options):
        yield f"{at(where, 'options')} must have at least {at_most} entries, as many as max_values."
    if sum(bool(option.get("default")) for option in options) > at_most:
        yield f"{at(where, 'options')} has more defaults than max_values, which is {at_most}."


def _defaults_fit(where: str, picked: Json) -> Iterator[str]:
    defaults = as_list(picked.get("default_values"))
    low, high = picked.get("min_values"), picked.get("max_values") or 1
    if defaults and not (1 if low is None else low) <= len(defaults) <= high:
        yield f"{at(where, 'default_values')} must have as many entries as may be picked, at most {high}."


def _own_fields(kind: int) -> dict[str, Check]:
    if kind == STRING_SELECT:
        return {"options": items(_SELECT_CHOICE, 1, 25)}
    default = Shape({"id": snowflake, "type": one_of(*_DEFAULT_TYPES[kind])}, frozenset({"id", "type"}))
    own: dict[str, Check] = {"default_values": items(default, 0, 25)}
    return own | (
        {"channel_types": items(whole(0, 16), 0, 25, unique=True)} if kind == CHANNEL_SELECT else {}
    )


def select(kind: int, *rules: Rule) -> Shape:
    """The select of this component type, with the rules of the place where it stands."""
    common: dict[str, Check] = {
        "type": anything,
        "id": ID,
        "custom_id": CUSTOM_ID,
        "placeholder": text(0, 150),
        "min_values": whole(0, 25),
        "max_values": whole(1, 25),
        "disabled": truth,
        "required": truth,
    }
    is_text = kind == STRING_SELECT
    return Shape(
        common | _own_fields(kind),
        frozenset({"type", "custom_id", *(("options",) if is_text else ())}),
        (bounds_agree, choices_agree if is_text else _defaults_fit, *rules),
    )
