"""What a person writes and reads on the page: messages and threads."""

from bot.sandbox.actions import posting
from bot.sandbox.model.channels import HOLDS_POSTS, Channel
from bot.sandbox.page.protocol import Question
from bot.sandbox.page.values import Values
from bot.sandbox.page.verbs import Verbs
from bot.sandbox.page.window import Window
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json

_DEFAULT_PAGE, _MAX_PAGE = 50, 100
_MAX_TEXT = 2000
_MAX_FILES = 10
_MAX_NAME = 100


def _channel(window: Window, asked: Question) -> Channel:
    return window.view.channel_by_id(asked.identifier("channel"))


async def _history(window: Window, asked: Question) -> list[Json]:
    limit = asked.number_of("limit", _DEFAULT_PAGE)
    if not 1 <= limit <= _MAX_PAGE:
        raise ClientRefused(f"A page has 1 to {_MAX_PAGE} messages.")
    return window.view.page(_channel(window, asked), before=asked.optional_identifier("before"), limit=limit)


async def _send(window: Window, asked: Question) -> Json:
    channel, text = _channel(window, asked), _text(asked.text("text", ""))
    values = Values(window.view, window.tickets)
    files = values.files(asked.texts("files"))
    if not text.strip() and not files:
        raise ClientRefused("There is nothing to send.")
    if len(files) > _MAX_FILES:
        raise ClientRefused(f"A message has at most {_MAX_FILES} files.")
    limit = window.view.world.upload_limit(channel)
    for file in files:
        if file.size > limit:
            raise ClientRefused(f"{file.filename} has {file.size} bytes; here {limit} may be uploaded.")
    replied = asked.optional_identifier("reply_to")
    message = await window.person.send(
        channel,
        text,
        files=files,
        reply_to=None if replied is None else window.view.message_by_id(channel, replied),
        ping=asked.truth("ping", default=True),
    )
    window.tickets.use(values.met)
    return window.view.message(channel, message)


async def _edit(window: Window, asked: Question) -> Json:
    channel = _channel(window, asked)
    message = window.view.message_by_id(channel, asked.identifier("message"))
    return window.view.message(channel, await window.person.edit(message, _text(asked.text("text"))))


async def _delete(window: Window, asked: Question) -> None:
    channel = _channel(window, asked)
    message = window.view.message_by_id(channel, asked.identifier("message"))
    if message.ephemeral_to:
        posting.dismiss(window.view.world, channel, message)
    else:
        await window.person.delete(message)


async def _thread(window: Window, asked: Question) -> Json:
    channel, name = _channel(window, asked), asked.text("name").strip()
    if not 1 <= len(name) <= _MAX_NAME:
        raise ClientRefused(f"A name has 1 to {_MAX_NAME} characters.")
    if channel.kind in HOLDS_POSTS:
        thread = await window.person.open_post(channel, name, _text(asked.text("text", "")))
    else:
        on = asked.optional_identifier("message")
        message = None if on is None else window.view.message_by_id(channel, on)
        thread = await window.person.open_thread(channel, name, on=message)
    return window.view.channel(thread)


async def _archive(window: Window, asked: Question) -> Json:
    thread = _channel(window, asked)
    if not thread.is_thread:
        raise ClientRefused("Only threads are archived.")
    await window.person.archive(thread, lock=asked.truth("locked", default=False))
    return window.view.channel(thread)


def _text(text: str) -> str:
    if len(text) > _MAX_TEXT:
        raise ClientRefused(f"A message has at most {_MAX_TEXT} characters; this has {len(text)}.")
    return text


VERBS: Verbs = {
    "history": _history,
    "send": _send,
    "edit": _edit,
    "delete": _delete,
    "thread": _thread,
    "archive": _archive,
}
