"""The components of a message, old and V2: each one's shape, and the rules over all of them together."""

from collections.abc import Iterator, Sequence

from bot.sandbox.rules.selects import CUSTOM_ID, EMOJI, ID, SELECTS, select
from bot.sandbox.rules.shape import (
    Check,
    Json,
    Shape,
    address,
    anything,
    as_list,
    as_object,
    at,
    by_type,
    items,
    one_of,
    repeated,
    snowflake,
    text,
    truth,
    whole,
)

ROW, BUTTON, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 1, 2, 9, 10, 11, 12, 13, 14, 17
_LINK, _PREMIUM = 5, 6
_MAX_COMPONENTS, _MAX_ROWS, _MAX_TEXT = 40, 5, 4000

_BUTTON_KEYS = {  # style -> (what it needs, what it cannot have)
    _LINK: ("url", ("custom_id", "sku_id")),
    _PREMIUM: ("sku_id", ("custom_id", "url", "label", "emoji")),
}


def _button_fits_style(where: str, button: Json) -> Iterator[str]:
    style = button["style"]
    needed, excluded = _BUTTON_KEYS.get(style, ("custom_id", ("url", "sku_id")))
    if not button.get(needed):
        yield f"{where} is a button of style {style} and needs {needed}."
    for key in excluded:
        if button.get(key) is not None:
            yield f"{where} is a button of style {style} and cannot have {key}."
    if style != _PREMIUM and not button.get("label") and not button.get("emoji"):
        yield f"{where} needs a label or an emoji."


def _row_is_of_one_kind(where: str, row: Json) -> Iterator[str]:
    kinds = [as_object(child)["type"] for child in row["components"]]
    if set(kinds) != {BUTTON} and len(kinds) > 1:
        yield f"{where} must hold up to 5 buttons or a single select, not both and not two selects."


def _shape(required: str, **fields: Check) -> Shape:
    return Shape({"type": anything, "id": ID, **fields}, frozenset({"type", *required.split()}))


_MEDIA = Shape({"url": address("https?", "attachment")}, frozenset({"url"}))
_ATTACHED = Shape({"url": address("attachment")}, frozenset({"url"}))
_ALT_TEXT = text(1, 1024)

_BUTTON = Shape(
    {
        "type": anything,
        "id": ID,
        "style": whole(1, 6),
        "custom_id": CUSTOM_ID,
        "label": text(0, 80),
        "emoji": EMOJI,
        "url": address("https?", "discord", high=512),
        "sku_id": snowflake,
        "disabled": truth,
    },
    frozenset({"type", "style"}),
    (_button_fits_style,),
)
_ROW = Shape(
    {
        "type": anything,
        "id": ID,
        "components": items(
            by_type("a component", {BUTTON: _BUTTON} | {kind: select(kind) for kind in SELECTS}), 1, 5
        ),
    },
    frozenset({"type", "components"}),
    (_row_is_of_one_kind,),
)
_TEXT = _shape("content", content=text(1, _MAX_TEXT))
_THUMBNAIL = _shape("media", media=_MEDIA, description=_ALT_TEXT, spoiler=truth)
_GALLERY_ITEM = Shape({"media": _MEDIA, "description": _ALT_TEXT, "spoiler": truth}, frozenset({"media"}))
_IN_CONTAINER: dict[int, Check] = {
    ROW: _ROW,
    TEXT: _TEXT,
    SECTION: _shape(
        "components accessory",
        components=items(by_type("a component", {TEXT: _TEXT}), 1, 3),
        accessory=by_type("an accessory", {BUTTON: _BUTTON, THUMBNAIL: _THUMBNAIL}),
    ),
    GALLERY: _shape("items", items=items(_GALLERY_ITEM, 1, 10)),
    FILE: _shape("file", file=_ATTACHED, spoiler=truth),
    SEPARATOR: _shape("", divider=truth, spacing=one_of(1, 2)),
}
_CONTAINER = _shape(
    "components",
    components=items(by_type("a component", _IN_CONTAINER), 1, _MAX_COMPONENTS),
    accent_color=whole(0, 0xFFFFFF),
    spoiler=truth,
)

TOP_LEVEL = items(by_type("a component", _IN_CONTAINER | {CONTAINER: _CONTAINER}), 0, _MAX_COMPONENTS)
"""The check of a message's `components`, each by itself; `together` looks at all of them."""


def walk(where: str, components: object) -> Iterator[tuple[str, Json]]:
    """Every component with its place, the nested ones after the one that holds them."""
    for index, entry in enumerate(as_list(components)):
        place, component = f"{where}[{index}]", as_object(entry)
        yield place, component
        yield from walk(at(place, "components"), component.get("components"))
        for key in ("accessory", "component"):
            if key in component:
                yield at(place, key), as_object(component[key])


def has_v2(components: object) -> bool:
    """Whether one of the top-level components exists only in messages with the V2 flag."""
    return any(as_object(entry).get("type") != ROW for entry in as_list(components))


def ids_differ(found: Sequence[tuple[str, Json]]) -> Iterator[str]:
    """Whether no two components have the same custom_id, or the same id other than 0."""
    for key in ("custom_id", "id"):
        for value in repeated([str(component[key]) for _, component in found if component.get(key)]):
            places = [place for place, component in found if str(component.get(key)) == value]
            yield f"{' and '.join(places)} have the same {key}, {value!r}."


def together(where: str, components: object, *, is_v2: bool) -> Iterator[str]:
    """The limits over all components of a message: their number, their text, their ids."""
    found = list(walk(where, components))
    rows = len(as_list(components))
    if not is_v2 and rows > _MAX_ROWS:
        yield f"{where} may have {_MAX_ROWS} action rows in a message without the V2 flag; it has {rows}."
    if len(found) > _MAX_COMPONENTS:
        yield f"{where} may have {_MAX_COMPONENTS} components with the nested ones; it has {len(found)}."
    length = sum(len(component["content"]) for _, component in found if component["type"] == TEXT)
    if length > _MAX_TEXT:
        yield f"{where} may have {_MAX_TEXT} characters of text in all; it has {length}."
    yield from ids_differ(found)


def media(where: str, components: object) -> Iterator[tuple[str, str]]:
    """The URL of everything the components show, with its place."""
    for place, component in walk(where, components):
        shown = [
            *(
                (f"{at(place, 'items')}[{n}].media", i["media"])
                for n, i in enumerate(component.get("items", ()))
            ),
            *((at(place, key), component[key]) for key in ("media", "file") if key in component),
        ]
        for inner, item in shown:
            yield at(inner, "url"), item["url"]
