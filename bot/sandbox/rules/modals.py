"""The modal that answers an interaction."""

from collections.abc import Iterator

from bot.sandbox.rules.components import ids_differ, walk
from bot.sandbox.rules.selects import (
    CUSTOM_ID,
    ID,
    PLAIN_CHOICE,
    SELECTS,
    bounds_agree,
    choices_agree,
    optional_when_none_needed,
    select,
)
from bot.sandbox.rules.shape import (
    Check,
    Json,
    Rule,
    Shape,
    anything,
    as_list,
    as_object,
    at,
    by_type,
    items,
    one_of,
    repeated,
    text,
    truth,
    whole,
)
from bot.sandbox.rules.values import FILE_TYPES

_ROW, _TEXT_INPUT, _TEXT, _LABEL, _UPLOAD, _RADIO, _BOXES, _BOX = 1, 4, 10, 18, 19, 21, 22, 23


def _text_fits(where: str, field: Json) -> Iterator[str]:
    low, high = field.get("min_length") or 0, field.get("max_length") or 4000
    if low > high:
        yield f"{at(where, 'min_length')} is {low}, above max_length, which is {high}."
    elif field.get("value") and not low <= len(field["value"]) <= high:
        yield f"{at(where, 'value')} must have {low} to {high} characters; it has {len(field['value'])}."


def _is_enabled(where: str, field: Json) -> Iterator[str]:
    if field.get("disabled"):
        yield f"{at(where, 'disabled')} must not be set; a modal has no disabled components."


def _boxes_fit(where: str, group: Json) -> Iterator[str]:
    high = group.get("max_values") or len(group["options"])  # here the default is all of them
    yield from bounds_agree(where, {**group, "max_values": high})
    yield from choices_agree(where, {**group, "max_values": high})


def _one_radio_is_default(where: str, group: Json) -> Iterator[str]:
    options = [as_object(option) for option in group["options"]]
    for value in repeated([option["value"] for option in options]):
        yield f"{at(where, 'options')} uses the value {value!r} twice."
    if sum(bool(option.get("default")) for option in options) > 1:
        yield f"{at(where, 'options')} has more than one default."


def _field(required: str, /, *rules: Rule, **fields: Check) -> Shape:
    common: dict[str, Check] = {"type": anything, "id": ID, "custom_id": CUSTOM_ID}
    return Shape(common | fields, frozenset({"type", "custom_id", *required.split()}), rules)


_UPLOAD_FIELD = _field(
    "",
    optional_when_none_needed,
    bounds_agree,
    min_values=whole(0, 10),
    max_values=whole(1, 10),
    required=truth,
    file_types=FILE_TYPES,
)
_RADIO_FIELD = _field("options", _one_radio_is_default, options=items(PLAIN_CHOICE, 2, 10), required=truth)
_BOXES_FIELD = _field(
    "options",
    optional_when_none_needed,
    _boxes_fit,
    options=items(PLAIN_CHOICE, 1, 10),
    min_values=whole(0, 10),
    max_values=whole(1, 10),
    required=truth,
)
_INPUT = {
    "style": one_of(1, 2),
    "min_length": whole(0, 4000),
    "max_length": whole(1, 4000),
    "required": truth,
    "value": text(0, 4000),
    "placeholder": text(0, 100),
    "label": text(1, 45),
}
_IN_LABEL: dict[int, Check] = {
    _TEXT_INPUT: _field("style", _text_fits, **_INPUT),
    _UPLOAD: _UPLOAD_FIELD,
    _RADIO: _RADIO_FIELD,
    _BOXES: _BOXES_FIELD,
    _BOX: _field("", default=truth),
} | {kind: select(kind, optional_when_none_needed, _is_enabled) for kind in SELECTS}
_IN_ROW: dict[int, Check] = {_TEXT_INPUT: _field("style label", _text_fits, **_INPUT)}

_TOP: dict[int, Check] = {
    _LABEL: Shape(
        {
            "type": anything,
            "id": ID,
            "label": text(1, 45),
            "description": text(1, 100),
            "component": by_type("a component", _IN_LABEL),
        },
        frozenset({"type", "label", "component"}),
    ),
    _TEXT: Shape({"type": anything, "id": ID, "content": text(1, 4000)}, frozenset({"type", "content"})),
    _ROW: Shape(
        {"type": anything, "id": ID, "components": items(by_type("a component", _IN_ROW), 1, 1)},
        frozenset({"type", "components"}),
    ),
}


def _fields_differ(where: str, modal: Json) -> Iterator[str]:
    yield from ids_differ(list(walk(at(where, "components"), as_list(modal["components"]))))


MODAL = Shape(
    {
        "custom_id": CUSTOM_ID,
        "title": text(1, 45),
        "components": items(by_type("a component", _TOP), 1, 5),
    },
    frozenset({"custom_id", "title", "components"}),
    (_fields_differ,),
)
