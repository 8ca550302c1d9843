"""Callbacks of interactions, and the webhook routes that work with an interaction's token."""

from bot.sandbox.actions import responding
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.model.interactions import Answer, Interaction
from bot.sandbox.model.messages import Message
from bot.sandbox.refusals import Refusal
from bot.sandbox.rest.call import Call, Routes
from bot.sandbox.wire import Json, as_object

_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_ORIGINAL = _WEBHOOK + "/messages/@original"
_MESSAGE = _WEBHOOK + "/messages/{message_id}"


def _callback(call: Call) -> Json | None:
    found = call.world.interactions.get(call.params["interaction_token"])
    if found is None or found.id != call.id("interaction_id"):
        raise Refusal(10062)
    data = as_object(call.body.get("data"))
    draft = Draft.of(data, call.uploads, in_interaction=True)
    kind = call.body["type"]
    if kind not in set(Answer):
        raise Refusal(50035, [f"type {kind} has no use in the sandbox."])
    responding.acknowledge(call.world, found, Answer(kind), data, draft)
    wants = call.query.get("with_response", "").lower() in {"1", "true"}
    return responding.receipt(call.world, found) if wants else None


def _interaction(call: Call) -> Interaction:
    return responding.by_token(call.world, call.id("webhook_id"), call.params["webhook_token"])


def _found(call: Call) -> tuple[Interaction, Message]:
    interaction = _interaction(call)
    if "message_id" in call.params:
        return interaction, responding.message(interaction, call.id("message_id"))
    return interaction, responding.original(interaction)


def _payload(call: Call, interaction: Interaction, message: Message) -> Json:
    return message.payload(call.world.viewer(interaction.app))


def _get(call: Call) -> Json:
    return _payload(call, *_found(call))


def _edit(call: Call) -> Json:
    interaction, message = _found(call)
    draft = Draft.of(call.body, call.uploads, in_interaction=True)
    responding.edit(call.world, interaction, message, draft)
    return _payload(call, interaction, message)


def _delete(call: Call) -> None:
    responding.delete(call.world, *_found(call))


def _follow_up(call: Call) -> Json:
    interaction = _interaction(call)
    draft = Draft.of(call.body, call.uploads, in_interaction=True)
    return _payload(call, interaction, responding.follow_up(call.world, interaction, draft))


ROUTES: Routes = {
    ("POST", "/interactions/{interaction_id}/{interaction_token}/callback"): _callback,
    ("POST", _WEBHOOK): _follow_up,
    ("GET", _ORIGINAL): _get,
    ("PATCH", _ORIGINAL): _edit,
    ("DELETE", _ORIGINAL): _delete,
    ("GET", _MESSAGE): _get,
    ("PATCH", _MESSAGE): _edit,
    ("DELETE", _MESSAGE): _delete,
}
