"""Modals: what they ask, and what a person's client lets through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from bot.sandbox.driver.resolving import Resolved
from bot.sandbox.model.attachments import File
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.components import walk
from bot.sandbox.model.interactions import Interaction
from bot.sandbox.model.people import Member, Role, User
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json, as_objects

_ROW, _CHOICES, _INPUT, _TEXT, _LABEL, _UPLOAD, _RADIO, _BOXES, _BOX = 1, 3, 4, 10, 18, 19, 21, 22, 23
_MAX_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a modal asks for."""

    custom_id: str
    label: str
    type: int
    component: Json


class Modal:
    """A modal that a person has before them."""

    def __init__(self, interaction: Interaction, body: Json) -> None:
        self.interaction = interaction
        self.body = body
        self.title: str = body["title"]
        self.custom_id: str = body["custom_id"]

    @property
    def fields(self) -> list[Field]:
        """What it asks for, from top to bottom."""
        labels = {
            c["component"]["custom_id"]: c["label"]
            for c in walk(self.body["components"])
            if c["type"] == _LABEL
        }
        return [
            Field(c["custom_id"], labels.get(c["custom_id"]) or c.get("label", ""), c["type"], c)
            for c in walk(self.body["components"])
            if "custom_id" in c
        ]

    def fill(self, values: Mapping[str, object], resolved: Resolved) -> list[Json]:
        """The components of the submission; a field that is not named keeps its default.

        Args:
            values: By label or custom_id: a text, a truth, an option's label or value or a list of them,
                a file or a list of them, users, roles, channels.
            resolved: Takes in what the values refer to.

        Raises:
            ClientRefused: a field is unknown, empty though required, or has a value it does not take.
        """
        fields = self.fields
        known = {name for field in fields for name in (field.custom_id, field.label)}
        if unknown := values.keys() - known:
            raise ClientRefused(f"{self.title!r} has no field {', '.join(sorted(unknown))}.")
        given = {field.custom_id: values.get(field.custom_id, values.get(field.label)) for field in fields}
        user_id = self.interaction.user.id
        answers = {f.custom_id: _answer(f, given[f.custom_id], resolved, user_id) for f in fields}
        return [_submitted(component, answers) for component in as_objects(self.body["components"])]


def _submitted(component: Json, answers: Mapping[str, Json]) -> Json:
    own: Json = {"type": component["type"], "id": component.get("id") or 0}
    if component["type"] == _ROW:
        return own | {"components": [_submitted(child, answers) for child in component["components"]]}
    if component["type"] == _LABEL:
        return own | {"component": _submitted(component["component"], answers)}
    if component["type"] == _TEXT:
        return own
    return own | {"custom_id": component["custom_id"]} | answers[component["custom_id"]]


def _answer(field: Field, given: object, resolved: Resolved, user_id: int) -> Json:
    if field.type == _INPUT:
        return {"value": _text(field, given)}
    if field.type == _BOX:
        return {"value": bool(field.component.get("default") if given is None else given)}
    values = _values(field, given, resolved, user_id)
    if field.type == _RADIO:
        _counts(field, values, 1, 1)
        return {"value": values[0] if values else None}
    most = len(field.component["options"]) if field.type == _BOXES else 1
    low, high = field.component.get("min_values"), field.component.get("max_values")
    _counts(field, values, 1 if low is None else low, high or most)
    return {"values": values}


def _text(field: Field, given: object) -> str:
    text = field.component.get("value") or "" if given is None else given
    if not isinstance(text, str):
        raise ClientRefused(f"{field.label} takes a text, not {given!r}.")
    low, high = field.component.get("min_length") or 0, field.component.get("max_length") or _MAX_TEXT
    is_required = field.component.get("required", True)
    if not text and not is_required:
        return ""
    if not max(low, int(is_required)) <= len(text) <= high:
        raise ClientRefused(f"{field.label} takes {low} to {high} characters, not {len(text)}.")
    return text


def _counts(field: Field, values: list[str], low: int, high: int) -> None:
    if not values and not field.component.get("required", True):
        return
    if not low <= len(values) <= high:
        raise ClientRefused(f"{field.label} takes {low} to {high} entries, not {len(values)}.")


def _values(field: Field, given: object, resolved: Resolved, user_id: int) -> list[str]:
    if given is None:
        options = as_objects(field.component.get("options"))
        return [option["value"] for option in options if option.get("default")]
    entries = cast("list[Any]", given) if isinstance(given, list) else [given]
    if field.type in {_CHOICES, _RADIO, _BOXES}:
        return [_option(field, entry) for entry in entries]
    return [_reference(field, entry, resolved, user_id) for entry in entries]


def _option(field: Field, entry: object) -> str:
    options = as_objects(field.component.get("options"))
    found = next((option for option in options if entry in (option["value"], option["label"])), None)
    if found is None:
        raise ClientRefused(f"{field.label} offers no {entry!r}.")
    return found["value"]


def _reference(field: Field, entry: object, resolved: Resolved, user_id: int) -> str:
    if (field.type == _UPLOAD) != isinstance(entry, File):
        raise ClientRefused(f"{field.label} cannot be {entry!r}.")
    match entry:
        case File():
            return resolved.upload(entry)
        case User() | Member():
            return resolved.user(entry)
        case Role():
            return resolved.role(entry)
        case Channel():
            return resolved.channel(entry, user_id)
        case _:
            raise ClientRefused(f"{field.label} cannot be {entry!r}.")
