"""Components of a message: kept with the files they show, rendered with fresh links."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bot.sandbox.model.attachments import Attachment, named
from bot.sandbox.wire import Json, as_object, as_objects

ROW, BUTTON, TEXT_DISPLAY, CONTAINER = 1, 2, 10, 17
SELECTS = frozenset({3, 5, 6, 7, 8})
_LINK = 5
_REFERENCE = "attachment://"
_FILE = 13


@dataclass(frozen=True, slots=True)
class Button:
    """A button or a select as a person sees it."""

    custom_id: str | None
    label: str | None
    is_enabled: bool
    url: str | None
    type: int


class Shown:
    """Stands in kept components where a file is shown."""

    __slots__ = ("attachment",)

    def __init__(self, attachment: Attachment) -> None:
        self.attachment = attachment


def keep(components: object, attachments: Sequence[Attachment]) -> list[Json]:
    """A copy in which every component has an id and every `attachment://` is the file it means."""
    counter = iter(range(1, 1000))
    return [cast("Json", _kept(entry, attachments, counter)) for entry in as_objects(components)]


def _kept(value: object, attachments: Sequence[Attachment], counter: Iterator[int]) -> object:
    if isinstance(value, list):
        return [_kept(entry, attachments, counter) for entry in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("Json", value)
    if str(found.get("url", "")).startswith(_REFERENCE):
        attachment = named(attachments, found["url"].removeprefix(_REFERENCE))
        return Shown(attachment) if attachment else found
    copy: Json = {}
    if "type" in found and not found.get("id"):
        copy["id"] = next(counter)
    return copy | {
        key: _kept(inner, attachments, counter) for key, inner in found.items() if key != "id" or inner
    }


def lacking(components: object) -> Iterator[str]:
    """The names of files that kept components show and their message has not."""
    if isinstance(components, list):
        for entry in cast("list[object]", components):
            yield from lacking(entry)
    elif isinstance(components, dict):
        for key, value in cast("Json", components).items():
            if key == "url" and str(value).startswith(_REFERENCE):
                yield str(value).removeprefix(_REFERENCE)
            else:
                yield from lacking(value)


def render(components: object) -> Any:
    """The components as JSON, with fresh links."""
    if isinstance(components, list):
        return [render(entry) for entry in cast("list[object]", components)]
    if isinstance(components, Shown):
        return components.attachment.media()
    if not isinstance(components, dict):
        return components
    found = cast("Json", components)
    rendered = {key: render(value) for key, value in found.items()}
    if found.get("type") == _FILE and isinstance(found["file"], Shown):
        attachment = found["file"].attachment
        rendered |= {"name": attachment.filename, "size": attachment.size}
    return rendered


def shown(components: object) -> Iterator[Attachment]:
    """The files that kept components show."""
    if isinstance(components, Shown):
        yield components.attachment
    elif isinstance(components, list):
        for entry in cast("list[object]", components):
            yield from shown(entry)
    elif isinstance(components, dict):
        for entry in cast("Json", components).values():
            yield from shown(entry)


def walk(components: object) -> Iterator[Json]:
    """Every component, the nested ones after the one that holds them."""
    for component in as_objects(components):
        yield component
        yield from walk(component.get("components"))
        for key in ("accessory", "component"):
            if component.get(key):
                yield from walk([as_object(component[key])])


def texts(components: object) -> Iterator[str]:
    """What the TextDisplays say."""
    return (str(component["content"]) for component in walk(components) if component["type"] == TEXT_DISPLAY)


def buttons(components: object) -> list[Button]:
    """What can be pressed or chosen from."""
    return [
        Button(
            component.get("custom_id"),
            component.get("label") or as_object(component.get("emoji")).get("name"),
            not component.get("disabled", False),
            component.get("url"),
            component["type"],
        )
        for component in walk(components)
        if component["type"] == BUTTON or component["type"] in SELECTS
    ]
