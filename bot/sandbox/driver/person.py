"""A member of a guild who uses Discord: writes, uses commands, presses buttons, fills in modals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.sandbox.actions import posting, threads
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.mentions import Allowed
from bot.sandbox.actions.threads import Plan
from bot.sandbox.driver import access
from bot.sandbox.driver.forms import Modal
from bot.sandbox.driver.options import Form
from bot.sandbox.driver.pressing import Picked, pressable, selection
from bot.sandbox.driver.resolving import Resolved
from bot.sandbox.driver.starting import start
from bot.sandbox.driver.used import Used
from bot.sandbox.model.applications import MESSAGE_MENU, SLASH, USER_MENU, Application
from bot.sandbox.model.attachments import File
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.channels import Kind as ChannelKind
from bot.sandbox.model.interactions import Kind
from bot.sandbox.model.messages import Message
from bot.sandbox.model.people import Member, User
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.waiting import DEFAULT_TIMEOUT_S
from bot.sandbox.wire import Json
from bot.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Choice:
    """A suggestion while an option is typed."""

    name: str
    value: str | int | float


class Person(Member):
    """Somebody who is driven by a test or a demo."""

    def __init__(self, world: World, user: User, joined_at_s: float) -> None:
        super().__init__(user, joined_at_s)
        self._world = world

    def __repr__(self) -> str:
        return f"<Person {self.user.name}>"

    async def slash(self, name: str, channel: Channel, /, **options: object) -> Used:
        """Use a slash command; sub-commands are part of the name, `quota me`.

        Raises:
            ClientRefused: the client does not offer it, or an option is missing, unknown or wrong.
        """
        root, *path = name.split()
        app, command = access.find(self._world, self.id, channel, SLASH, root)
        resolved = Resolved(self._world, channel)
        entries = Form(command, path, resolved, self.id).fill(options)
        data: Json = {"id": str(command.id), "name": root, "type": SLASH, "options": entries}
        return self._use(app, channel, Kind.COMMAND, self._with(data, resolved, command.guild_id))

    async def autocomplete(
        self,
        name: str,
        channel: Channel,
        *,
        focused: str,
        value: str | float,
        options: Mapping[str, object] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> list[Choice]:
        """Type into an option and wait for the suggestions."""
        root, *path = name.split()
        app, command = access.find(self._world, self.id, channel, SLASH, root)
        resolved = Resolved(self._world, channel)
        entries = Form(command, path, resolved, self.id).fill_partly(options or {}, focused, value)
        data: Json = {"id": str(command.id), "name": root, "type": SLASH, "options": entries}
        used = self._use(app, channel, Kind.AUTOCOMPLETE, self._with(data, resolved, command.guild_id))
        choices = await used.interaction.bell.until(
            lambda: used.interaction.choices,
            timeout_s=timeout_s,
            awaited=f"suggestions for {focused} of /{name}",
        )
        return [Choice(choice["name"], choice["value"]) for choice in choices]

    async def menu(self, name: str, target: Message | Member, channel: Channel | None = None) -> Used:
        """Use a context menu of a message, or of a member in `channel`.

        Raises:
            ClientRefused: the client does not offer it.
        """
        if isinstance(target, Message):
            channel = self._seen(target)
        if channel is None:
            raise ClientRefused("A member's menu is used in a channel: say in which.")
        kind = MESSAGE_MENU if isinstance(target, Message) else USER_MENU
        app, command = access.find(self._world, self.id, channel, kind, name)
        resolved = Resolved(self._world, channel)
        refer = resolved.message(target) if isinstance(target, Message) else resolved.user(target)
        data: Json = {"id": str(command.id), "name": name, "type": kind, "target_id": refer}
        return self._use(app, channel, Kind.COMMAND, self._with(data, resolved, command.guild_id))

    async def click(self, message: Message, button: str) -> Used:
        """Press a button, named by its label or its custom_id.

        Raises:
            ClientRefused: it is not there, not enabled, or not for this person.
        """
        channel = self._seen(message)
        found = pressable(message, button)
        data: Json = {"component_type": found.type, "custom_id": found.custom_id}
        return self._press(message, channel, data)

    async def choose(self, message: Message, select: str, *values: Picked) -> Used:
        """Choose from a select, named by its custom_id; options by label or value."""
        channel = self._seen(message)
        resolved = Resolved(self._world, channel)
        data = selection(message, select, values, resolved, self.id)
        return self._press(message, channel, self._with(data, resolved, None))

    async def submit(self, modal: Modal, values: Mapping[str, object]) -> Used:
        """Fill in a modal, by labels or custom_ids, and send it off.

        Raises:
            ClientRefused: a field is unknown, empty though required, or has a value it does not take.
        """
        opener = modal.interaction
        resolved = Resolved(self._world, opener.channel)
        components = modal.fill(values, resolved)
        data: Json = {"custom_id": modal.custom_id, "components": components}
        data = self._with(data, resolved, None)
        return self._use(opener.app, opener.channel, Kind.MODAL, data, source=opener.source)

    async def send(
        self,
        channel: Channel,
        text: str = "",
        *,
        files: Sequence[File] = (),
        reply_to: Message | None = None,
        ping: bool = True,
    ) -> Message:
        """Write a message.

        Raises:
            Refusal: this person may not.
        """
        draft = Draft(content=text, files=list(files), allowed=Allowed(replied_user=ping))
        if reply_to:
            draft = replace(draft, reference={"message_id": reply_to.id, "channel_id": reply_to.channel_id})
        return posting.send(self._world, channel, self.user, draft)

    async def forward(self, message: Message, channel: Channel) -> Message:
        """Forward a message."""
        reference: Json = {"type": 1, "message_id": message.id, "channel_id": message.channel_id}
        return posting.send(self._world, channel, self.user, Draft(reference=reference))

    async def edit(self, message: Message, text: str) -> Message:
        """Change the text of an own message."""
        channel = self._own(message)
        posting.edit(self._world, channel, message, Draft(content=text, given=frozenset({"content"})))
        return message

    async def delete(self, message: Message) -> None:
        """Delete a message: an own one, or as a moderator another's.

        Raises:
            ClientRefused: this person may not.
        """
        channel = self._seen(message)
        guild = self._world.guild_of(channel)
        may_tidy = guild is not None and guild.may(self.id, channel, Permission.MANAGE_MESSAGES)
        posting.delete(self._world, channel if may_tidy else self._own(message), message)

    async def open_thread(
        self, channel: Channel, name: str, *, on: Message | None = None, private: bool = False
    ) -> Channel:
        """Open a thread, on a message or alone; a private one needs the right to."""
        plan = Plan(name)
        if on:
            return threads.open_on(self._world, channel, on, self.user, plan)
        if private:
            plan = replace(plan, kind=ChannelKind.PRIVATE_THREAD)
            return threads.open_alone(self._world, channel, self.user, plan)
        public = next(iter(sorted(threads.kinds(channel))), None)
        return threads.open_alone(self._world, channel, self.user, replace(plan, kind=public))

    async def open_post(self, forum: Channel, name: str, text: str = "") -> Channel:
        """Open a post in a forum or a media channel, with its first message."""
        thread, _ = threads.open_post(self._world, forum, self.user, Plan(name), Draft(content=text or name))
        return thread

    async def bring_in(self, thread: Channel, member: Member) -> None:
        """Let somebody, or a bot, into a thread, as a mention there does."""
        threads.join(self._world, thread, member.user)

    async def archive(self, thread: Channel, *, lock: bool = False) -> None:
        """Archive a thread; lock it too, if this person may."""
        body: Json = {"archived": True, **({"locked": True} if lock else {})}
        threads.change(self._world, thread, self.user, body)

    def direct(self, app: Application) -> Channel:
        """The DM channel with a bot."""
        return self._world.direct_channel(self.user, app.user)

    def _own(self, message: Message) -> Channel:
        if message.author is not self.user:
            raise ClientRefused("Only one's own messages can be changed.")
        return self._seen(message)

    def _seen(self, message: Message) -> Channel:
        channel = self._world.channel(message.channel_id)
        guild = self._world.guild_of(channel)
        is_hidden = guild is not None and not guild.sees(self.id, channel)
        if is_hidden or message.is_deleted or message.ephemeral_to not in {None, self.user}:
            raise ClientRefused(f"{self!r} does not see {message!r}.")
        return channel

    def _press(self, message: Message, channel: Channel, data: Json) -> Used:
        app = self._world.apps_by_user.get(message.author.id)
        if app is None:
            raise ClientRefused(f"{message!r} is not a bot's.")
        return self._use(app, channel, Kind.COMPONENT, data, source=message)

    def _use(
        self, app: Application, channel: Channel, kind: Kind, data: Json, source: Message | None = None
    ) -> Used:
        member = self if channel.guild_id else None
        interaction = start(
            self._world, app, channel, kind, data, user=self.user, member=member, source=source
        )
        return Used(interaction)

    @staticmethod
    def _with(data: Json, resolved: Resolved, guild_id: int | None) -> Json:
        if resolved.payload:
            data = data | {"resolved": resolved.payload}
        return data | ({"guild_id": str(guild_id)} if guild_id else {})
