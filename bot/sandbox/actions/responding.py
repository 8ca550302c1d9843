"""What a bot does with an interaction: the callback, the original response, follow-ups."""

import time

from bot.sandbox.actions import posting
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.interactions import (
    ACK_WINDOW_S,
    TOKEN_LIFE_S,
    Acknowledgement,
    Answer,
    Interaction,
    Kind,
)
from bot.sandbox.model.messages import (
    COMMAND,
    DEFAULT,
    EPHEMERAL,
    LOADING,
    MENU_COMMAND,
    REPLY,
    Message,
    Reference,
)
from bot.sandbox.refusals import Refusal
from bot.sandbox.wire import Json, as_objects
from bot.sandbox.world import World

_TO_SOURCE = frozenset({Answer.DEFERRED_UPDATE, Answer.UPDATE})


def by_token(world: World, application_id: int, token: str) -> Interaction:
    """The interaction whose token a webhook route names.

    Raises:
        Refusal: there is none, or its 15 minutes are over.
    """
    found = world.interactions.get(token)
    if found is None or found.app.id != application_id:
        raise Refusal(10015)
    if world.hub.clock() - found.created_at_s > TOKEN_LIFE_S:
        raise Refusal(50027)
    return found


def acknowledge(world: World, interaction: Interaction, kind: Answer, data: Json, draft: Draft) -> None:
    """Take the first response.

    Raises:
        Refusal: it comes too late, for the second time, or is of a type that does not fit.
    """
    if interaction.acknowledgement:
        raise Refusal(40060)
    if world.hub.clock() - interaction.created_at_s > ACK_WINDOW_S:
        raise Refusal(10062)
    if reason := _misfit(interaction, kind):
        raise Refusal(50035, [reason])
    if kind is Answer.CHOICES:
        interaction.choices = as_objects(data.get("choices"))
    elif kind is Answer.MODAL:
        interaction.modal = data
    elif kind in _TO_SOURCE:
        interaction.original = interaction.source
    else:
        _respond(world, interaction, kind, draft)
    if kind is Answer.UPDATE and interaction.source:
        posting.edit(world, _channel(world, interaction), interaction.source, draft)
    is_ephemeral = kind not in _TO_SOURCE and interaction.is_ephemeral
    took_s = time.perf_counter() - interaction.sent_at_s
    interaction.acknowledgement = Acknowledgement(kind, is_ephemeral, took_s)
    _ring(world, interaction)


def _ring(world: World, interaction: Interaction) -> None:
    interaction.bell.ring()
    world.hub.changed(interaction)


def _misfit(interaction: Interaction, kind: Answer) -> str | None:
    if (kind is Answer.CHOICES) != (interaction.kind is Kind.AUTOCOMPLETE):
        return f"type {kind.value} cannot answer an interaction of type {interaction.kind.value}."
    if kind in _TO_SOURCE and interaction.source is None:
        return f"type {kind.value} is only for components and for modals opened from one."
    if kind is Answer.MODAL and interaction.kind is Kind.MODAL:
        return "a modal cannot answer a modal."
    return None


def _respond(world: World, interaction: Interaction, kind: Answer, draft: Draft) -> None:
    is_ephemeral = bool(draft.flags & EPHEMERAL)
    channel = _channel(world, interaction)
    message = posting.compose(world, channel, interaction.app.user, draft, is_ephemeral=is_ephemeral)
    if kind is Answer.DEFERRED:
        message.flags = (draft.flags & EPHEMERAL) | LOADING
    message.type = _response_type(interaction)
    _post(world, channel, interaction, message, is_ephemeral=is_ephemeral)
    interaction.original = message


def _response_type(interaction: Interaction) -> int:
    if interaction.kind is not Kind.COMMAND:
        return DEFAULT
    return COMMAND if interaction.data["type"] == 1 else MENU_COMMAND


def _post(
    world: World, channel: Channel, interaction: Interaction, message: Message, *, is_ephemeral: bool
) -> None:
    message.application_id, message.interaction = interaction.app.id, interaction.metadata
    if is_ephemeral:
        message.ephemeral_to = interaction.user
        channel.whispers.add(message)
        world.hub.changed(message, is_new=True)
        message.bell.ring()
    else:
        posting.deliver(world, channel, message)


def _channel(world: World, interaction: Interaction) -> Channel:
    return world.channel(interaction.channel.id)


def original(interaction: Interaction) -> Message:
    """The original response.

    Raises:
        Refusal: there is none yet, or it was deleted.
    """
    if interaction.original is None:
        raise Refusal(10015)
    if interaction.original.is_deleted:
        raise Refusal(10008)
    return interaction.original


def message(interaction: Interaction, message_id: int) -> Message:
    """A message that this interaction made.

    Raises:
        Refusal: it made no such message.
    """
    found = interaction.message(message_id)
    if found is None or found.is_deleted:
        raise Refusal(10008)
    return found


def edit(world: World, interaction: Interaction, found: Message, draft: Draft) -> Message:
    """Change a message of the interaction."""
    posting.edit(world, _channel(world, interaction), found, draft)
    _ring(world, interaction)
    return found


def delete(world: World, interaction: Interaction, found: Message) -> None:
    """Delete a message of the interaction."""
    posting.delete(world, _channel(world, interaction), found)
    _ring(world, interaction)


def follow_up(world: World, interaction: Interaction, draft: Draft) -> Message:
    """Post a further message; the first one after a deferral fills in the loading message, unless that was deleted.

    Raises:
        Refusal: the interaction was not acknowledged.
    """
    if interaction.acknowledgement is None:
        raise Refusal(10015)
    first = interaction.original
    is_begun = interaction.acknowledgement.type is Answer.DEFERRED
    if is_begun and first and first.is_loading and not first.is_deleted:
        return edit(world, interaction, first, draft)
    is_ephemeral = bool(draft.flags & EPHEMERAL)
    channel = _channel(world, interaction)
    made = posting.compose(world, channel, interaction.app.user, draft, is_ephemeral=is_ephemeral)
    if first and not first.is_deleted:
        made.type, made.referenced = REPLY, first
        made.reference = Reference(first.id, channel.id, channel.guild_id)
    interaction.follow_ups[made.id] = made
    _post(world, channel, interaction, made, is_ephemeral=is_ephemeral)
    _ring(world, interaction)
    return made


def receipt(world: World, interaction: Interaction) -> Json:
    """What `with_response` gives back."""
    done = interaction.acknowledgement
    assert done is not None
    found = interaction.original
    body: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    resource: Json = {"type": int(done.type)}
    if found:
        body["response_message_id"] = str(found.id)
        body["response_message_loading"] = found.is_loading
        body["response_message_ephemeral"] = bool(found.flags & EPHEMERAL)
        if done.type is not Answer.DEFERRED_UPDATE:
            resource["message"] = found.payload(world.viewer(interaction.app))
    body["channel_id"] = str(interaction.channel.id)
    if interaction.guild:
        body["guild_id"] = str(interaction.guild.id)
    return {"interaction": body, "resource": resource}
