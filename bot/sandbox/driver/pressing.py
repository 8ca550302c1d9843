"""Buttons and selects of a message, found as a person finds them."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from bot.sandbox.driver.resolving import Resolved
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.components import BUTTON, SELECTS, Button, walk
from bot.sandbox.model.messages import Message
from bot.sandbox.model.people import Member, Role, User
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json, as_objects

Picked: TypeAlias = str | Member | User | Role | Channel

_CLASSES: Final[dict[int, tuple[type, ...]]] = {
    3: (str,),
    5: (User, Member),
    6: (Role,),
    7: (User, Member, Role),
    8: (Channel,),
}
"""What can be picked, by the select's type."""


def pressable(message: Message, name: str) -> Button:
    """The button with this label or custom_id.

    Raises:
        ClientRefused: there is none, or it cannot be pressed.
    """
    offered = [button for button in message.buttons if button.type == BUTTON]
    found = next((button for button in offered if name in (button.custom_id, button.label)), None)
    if found is None:
        names = ", ".join(str(button.label or button.custom_id) for button in offered) or "none"
        raise ClientRefused(f"There is no button {name!r}; there is: {names}.")
    if not found.is_enabled or found.custom_id is None:
        raise ClientRefused(f"The button {name!r} cannot be pressed.")
    return found


def selection(
    message: Message, custom_id: str, values: Sequence[Picked], resolved: Resolved, user_id: int
) -> Json:
    """The payload of a choice.

    Raises:
        ClientRefused: the select is not there, not enabled, or does not take this choice.
    """
    selects = (c for c in walk(message.components) if c["type"] in SELECTS)
    found = next((select for select in selects if select["custom_id"] == custom_id), None)
    if found is None or found.get("disabled"):
        raise ClientRefused(f"There is no select {custom_id!r} to choose from.")
    low, high = found.get("min_values"), found.get("max_values") or 1
    if not (1 if low is None else low) <= len(values) <= high:
        raise ClientRefused(f"{custom_id} takes up to {high} entries, not {len(values)}.")
    chosen = [_value(found, value, resolved, user_id) for value in values]
    return {"component_type": found["type"], "custom_id": custom_id, "values": chosen}


def _value(select: Json, value: Picked, resolved: Resolved, user_id: int) -> str:
    if not isinstance(value, _CLASSES[select["type"]]):
        raise ClientRefused(f"{select['custom_id']} offers no {value!r}.")
    match value:
        case Member() | User():
            return resolved.user(value)
        case Role():
            return resolved.role(value)
        case Channel():
            return resolved.channel(value, user_id)
        case _:
            return _option(select, value)


def _option(select: Json, value: str) -> str:
    options = as_objects(select["options"])
    found = next((option for option in options if value in (option["value"], option["label"])), None)
    if found is None:
        raise ClientRefused(f"{select['custom_id']} offers no {value!r}.")
    return found["value"]
