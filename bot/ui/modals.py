"""Modals that outlive a restart.

discord.py knows a modal only in the process that sent it, so the modal's id says what it is for and by which number,
and whoever receives it finds the rest in the database.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import discord
from discord import ui

from bot.language import tr
from bot.ui.text import cut

Interaction = discord.Interaction[Any]

_MAX_LABEL = 45
_MAX_DESCRIPTION = 100
_MAX_OPTIONS = 25


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent off with a modal, as Discord describes it."""

    url: str
    """Signed by the CDN, so good for about a day."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Text:
    """A field for a text. All words are `marked`."""

    name: str
    label: str
    description: str
    max_length: int
    placeholder: str | None = None
    is_required: bool = True

    def component(self, given: "Given") -> ui.Item[Any]:
        """The field, with a text that is in it already."""
        field: ui.TextInput[Any] = ui.TextInput(
            custom_id=self.name,
            style=discord.TextStyle.paragraph,
            placeholder=tr(self.placeholder) if self.placeholder else None,
            default=(given if isinstance(given, str) else "")[: self.max_length] or None,
            max_length=self.max_length,
            required=self.is_required,
        )
        return field


@dataclass(frozen=True, slots=True)
class Option:
    """One of several; its label is a text that is shown as it is."""

    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A field for one of the options that are given with the modal."""

    name: str
    label: str
    description: str

    def component(self, given: "Given") -> ui.Item[Any]:
        """The field; one of the options is chosen already."""
        options = given if given and not isinstance(given, str) else ()
        shown = [
            discord.SelectOption(label=one.label, value=one.value, default=one.is_chosen)
            for one in options[:_MAX_OPTIONS]
        ]
        field: ui.Select[Any] = ui.Select(custom_id=self.name, options=shown)
        return field


@dataclass(frozen=True, slots=True)
class File:
    """A field for one file, which may be left empty."""

    name: str
    label: str
    description: str

    def component(self, given: "Given") -> ui.Item[Any]:
        """The field."""
        del given
        field: ui.FileUpload[Any] = ui.FileUpload(
            custom_id=self.name, required=False, min_values=0, max_values=1
        )
        return field


Field: TypeAlias = Text | Choice | File
Given: TypeAlias = str | Sequence[Option] | None
"""What is in a field already, or what can be chosen in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A modal that asks for several things, at most five."""

    about: str
    """What its number is of; no two are about the same."""
    title: str
    fields: tuple[Field, ...]

    def modal(self, number: int, given: Mapping[str, Given] | None = None) -> ui.Modal:
        """The modal; `given` says by the fields' names what is in them already."""
        shown = ui.Modal(title=cut(tr(self.title), _MAX_LABEL), custom_id=f"{self.about}:{number}")
        for field in self.fields:
            component = field.component((given or {}).get(field.name))
            label = cut(tr(field.label), _MAX_LABEL)
            described = cut(tr(field.description), _MAX_DESCRIPTION)
            shown.add_item(ui.Label(text=label, description=described, component=component))
        shown.stop()  # its answer is found by its id, so discord.py need not remember it
        return shown

    def number_in(self, interaction: Interaction) -> int | None:
        """By which number a modal of this kind was sent off; None for any other interaction."""
        return number_in(interaction, self.about)

    def text_in(self, interaction: Interaction, name: str) -> str:
        """What was written in a field, as far as that goes; empty where it comes back without."""
        most = next(
            field.max_length for field in self.fields if isinstance(field, Text) and field.name == name
        )
        return text_in(interaction, name, most)

    def choice_in(self, interaction: Interaction, name: str) -> str | None:
        """The value that was chosen in a field."""
        chosen: list[str] = _answer(interaction, name).get("values") or []
        return chosen[0] if chosen else None

    def file_in(self, interaction: Interaction, name: str) -> Upload | None:
        """The file that was uploaded in a field."""
        data: Any = interaction.data
        found = data.get("resolved", {}).get("attachments", {}).get(self.choice_in(interaction, name))
        return Upload(found["url"], found["size"]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A modal that asks for one text."""

    about: str
    """What its number is of; no two forms are about the same."""
    field: str
    title: str
    label: str
    description: str
    max_length: int
    placeholder: str | None = None
    is_required: bool = True

    def modal(self, number: int, text: str = "") -> ui.Modal:
        """The modal, with a text that is in it already."""
        field = Text(
            self.field, self.label, self.description, self.max_length, self.placeholder, self.is_required
        )
        sheet = Sheet(about=self.about, title=self.title, fields=(field,))
        return sheet.modal(number, {self.field: text})

    def number_in(self, interaction: Interaction) -> int | None:
        """By which number a modal of this form was sent off; None for any other interaction."""
        return number_in(interaction, self.about)

    def text_in(self, interaction: Interaction) -> str:
        """What was written, as far as the field goes; empty where it comes back without."""
        return text_in(interaction, self.field, self.max_length)


def number_in(interaction: Interaction, about: str) -> int | None:
    """The number of a modal that is about this and was sent off; None for any other interaction."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return None
    data: Any = interaction.data
    found = re.fullmatch(rf"{about}:([0-9]{{1,18}})", data["custom_id"])
    return int(found[1]) if found else None


def text_in(interaction: Interaction, name: str, most: int) -> str:
    """What was written in a field, at most so many characters of it."""
    written = _answer(interaction, name).get("value")
    return written[:most] if isinstance(written, str) else ""


def _answer(interaction: Interaction, name: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {}
    return next((field for field in _answers(interaction) if field.get("custom_id") == name), nothing)


def _answers(interaction: Interaction) -> Iterator[dict[str, Any]]:
    data: Any = interaction.data
    for label in data["components"]:
        if "component" in label:
            yield label["component"]
