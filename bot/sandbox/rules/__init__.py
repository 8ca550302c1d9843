"""The rules on request bodies that Discord enforces, most of which its OpenAPI document does not tell.

The sandbox answers 400 with what `violations` returns. It is stricter than Discord in one point: a key
that Discord would drop without a word is a violation, because it is most often a misspelling.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from bot.sandbox.rules import commands, interactions, messages, threads
from bot.sandbox.rules.messages import MessageKind
from bot.sandbox.rules.shape import Check

__all__ = ["violations"]

_Judge: TypeAlias = Callable[[object, Sequence[str]], Iterator[str]]


def _message(kind: MessageKind) -> _Judge:
    return lambda body, files: kind("", body, files)


def _plain(check: Check) -> _Judge:
    return lambda body, _files: check("", body)


_APPLICATION = "/applications/{application_id}"
_GUILD = f"{_APPLICATION}/guilds/{{guild_id}}"
_CHANNEL = "/channels/{channel_id}"
_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_JUDGES: dict[tuple[str, str], _Judge] = {
    ("POST", f"{_CHANNEL}/messages"): _message(messages.CREATED),
    ("PATCH", f"{_CHANNEL}/messages/{{message_id}}"): _message(messages.EDITED),
    ("POST", _WEBHOOK): _message(messages.FOLLOW_UP),
    ("PATCH", f"{_WEBHOOK}/messages/@original"): _message(messages.WEBHOOK_EDITED),
    ("PATCH", f"{_WEBHOOK}/messages/{{message_id}}"): _message(messages.WEBHOOK_EDITED),
    ("POST", "/interactions/{interaction_id}/{interaction_token}/callback"): interactions.callback,
    ("POST", f"{_CHANNEL}/messages/{{message_id}}/threads"): _plain(threads.FROM_MESSAGE),
    ("POST", f"{_CHANNEL}/threads"): threads.opened,
    ("PATCH", _CHANNEL): _plain(threads.CHANGED),
    ("POST", "/users/@me/channels"): _plain(threads.DIRECT),
    **{
        (method, f"{scope}/commands{route}"): _plain(check)
        for scope in (_APPLICATION, _GUILD)
        for method, route, check in (
            ("PUT", "", commands.synced),
            ("POST", "", commands.command),
            ("PATCH", "/{command_id}", commands.CHANGED),
        )
    },
}


def violations(method: str, route: str, body: object, files: Sequence[str]) -> list[str]:
    """Say in sentences why Discord would refuse the request; nothing when it would take it.

    Args:
        method: The HTTP method, in upper case.
        route: The path template with Discord's parameter names, without the host and the API version.
        body: The decoded JSON, that of `payload_json` in a multipart request; None without one.
        files: The names of the uploaded files, in the order of their numbers.
    """
    judge = _JUDGES.get((method, route))
    return list(judge(body, files)) if judge else []
