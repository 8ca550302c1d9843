"""Modals with one field that outlive a restart.

discord.py knows a modal only in the process that sent it, so the modal's id says what it is for and by which number,
and whoever receives it finds the rest in the database.
"""

import re
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True)
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
        shown = ui.Modal(title=self.title, custom_id=f"{self.about}:{number}")
        field: ui.TextInput[Any] = ui.TextInput(
            custom_id=self.field,
            style=discord.TextStyle.paragraph,
            placeholder=self.placeholder,
            default=text or None,
            max_length=self.max_length,
            required=self.is_required,
        )
        shown.add_item(ui.Label(text=self.label, description=self.description, component=field))
        shown.stop()  # its answer is found by its id, so discord.py need not remember it
        return shown

    def number_in(self, interaction: Interaction) -> int | None:
        """By which number a modal of this form was sent off; None for any other interaction."""
        if interaction.type is not discord.InteractionType.modal_submit:
            return None
        data: Any = interaction.data
        found = re.fullmatch(rf"{self.about}:([0-9]{{1,18}})", data["custom_id"])
        return int(found[1]) if found else None

    def text_in(self, interaction: Interaction) -> str:
        """What was written, as far as the field goes; empty where it comes back without."""
        data: Any = interaction.data
        fields = [label["component"] for label in data["components"] if "component" in label]
        written = next((field.get("value") for field in fields if field.get("custom_id") == self.field), "")
        return written[: self.max_length] if isinstance(written, str) else ""
