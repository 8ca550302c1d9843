"""What a person does with bots on the page: commands, menus, buttons, selects, modals."""

from bot.sandbox.driver.forms import Modal
from bot.sandbox.driver.used import Used
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.interactions import ACK_WINDOW_S
from bot.sandbox.model.messages import Message
from bot.sandbox.page.protocol import Question
from bot.sandbox.page.values import Values, plain
from bot.sandbox.page.verbs import Verbs
from bot.sandbox.page.window import Window
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.waiting import NothingCame
from bot.sandbox.wire import Json


def _begun(window: Window, used: Used, values: Values | None = None) -> Json:
    window.started.add(used.interaction.id)
    if values:
        window.tickets.use(values.met)
    return {"interaction": str(used.interaction.id)}


def _place(window: Window, asked: Question) -> tuple[Channel, Message]:
    channel = window.view.channel_by_id(asked.identifier("channel"))
    return channel, window.view.message_by_id(channel, asked.identifier("message"))


def _command(window: Window, asked: Question) -> tuple[Channel, list[str]]:
    channel = window.view.channel_by_id(asked.identifier("channel"))
    path = asked.text("name").split()
    if not path:
        raise ClientRefused("A command has a name.")
    return channel, path


async def _offer(window: Window, asked: Question) -> Json:
    channel = window.view.channel_by_id(asked.identifier("channel"))
    message_id = asked.optional_identifier("message")
    message = None if message_id is None else window.view.message_by_id(channel, message_id)
    return window.view.offer(channel, message)


async def _slash(window: Window, asked: Question) -> Json:
    channel, path = _command(window, asked)
    values = Values(window.view, window.tickets)
    options = values.options(channel, path, asked.fields("options"))
    return _begun(window, await window.person.slash(" ".join(path), channel, **options), values)


async def _complete(window: Window, asked: Question) -> list[Json]:
    channel, path = _command(window, asked)
    typed = plain(asked.body.get("value"))
    if isinstance(typed, bool) or not isinstance(typed, str | int | float):
        raise ClientRefused("What is typed is a text or a number.")
    options = Values(window.view, window.tickets).options_so_far(channel, path, asked.fields("options"))
    focused = asked.text("focused")
    options.pop(focused, None)
    try:
        choices = await window.person.autocomplete(
            " ".join(path), channel, focused=focused, value=typed, options=options, timeout_s=ACK_WINDOW_S
        )
    except NothingCame as error:
        raise ClientRefused("Loading the suggestions failed.") from error
    return [{"name": choice.name, "value": choice.value} for choice in choices]


async def _menu(window: Window, asked: Question) -> Json:
    _, message = _place(window, asked)
    if message.ephemeral_to:
        raise ClientRefused("A message that only you can see has no such menu.")
    return _begun(window, await window.person.menu(asked.text("name"), message))


async def _click(window: Window, asked: Question) -> Json:
    _, message = _place(window, asked)
    return _begun(window, await window.person.click(message, asked.text("custom_id")))


async def _choose(window: Window, asked: Question) -> Json:
    _, message = _place(window, asked)
    custom_id = asked.text("custom_id")
    picked = Values(window.view, window.tickets).picked(message, custom_id, asked.texts("values"))
    return _begun(window, await window.person.choose(message, custom_id, *picked))


async def _submit(window: Window, asked: Question) -> Json:
    opener = window.modals.get(asked.identifier("modal"))
    if opener is None or opener.modal is None or opener.user is not window.person.user:
        raise ClientRefused("This form is no longer open.")
    modal, values = Modal(opener, opener.modal), Values(window.view, window.tickets)
    used = await window.person.submit(modal, values.fields(modal, asked.fields("values")))
    window.modals.send_off(opener, used.interaction)
    return _begun(window, used, values)


async def _backstage(window: Window, asked: Question) -> Json:
    if asked.truth("open", default=True):
        window.watch()
    else:
        window.look_away()
    return window.backstage.describe()


async def _set(window: Window, asked: Question) -> None:
    await window.backstage.set(asked.text("switch"), asked.body.get("value"))


VERBS: Verbs = {
    "offer": _offer,
    "slash": _slash,
    "complete": _complete,
    "menu": _menu,
    "click": _click,
    "choose": _choose,
    "submit": _submit,
    "backstage": _backstage,
    "set": _set,
}
