"""The objects that options and modal fields refer to, as an interaction brings them along."""

from bot.sandbox.model.attachments import Attachment, File, store
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.guilds import Guild
from bot.sandbox.model.messages import Message, Viewer
from bot.sandbox.model.people import Member, Role, User
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json
from bot.sandbox.world import World


class Resolved:
    """Collects `resolved` while a form is filled in."""

    def __init__(self, world: World, channel: Channel) -> None:
        self._world = world
        self._channel = channel
        self.payload: dict[str, Json] = {}

    @property
    def guild(self) -> Guild | None:
        """Where the form is filled in."""
        return self._world.guild_of(self._channel)

    def _put(self, kind: str, identifier: int, body: Json) -> str:
        self.payload.setdefault(kind, {})[str(identifier)] = body
        return str(identifier)

    def upload(self, file: File) -> str:
        """Upload a file for this interaction; the id that stands for it.

        Raises:
            ClientRefused: it is larger than may be uploaded here.
        """
        limit = self._world.upload_limit(self._channel)
        if file.size > limit:
            raise ClientRefused(f"{file.filename} has {file.size} bytes; here {limit} may be uploaded.")
        hub = self._world.hub
        attachment: Attachment = store(hub.cdn, hub.new_id(), self._channel.id, file, is_ephemeral=True)
        return self._put("attachments", attachment.id, attachment.payload())

    def user(self, user: User | Member) -> str:
        """Refer to a user."""
        account = user.user if isinstance(user, Member) else user
        member = self.guild.members.get(account.id) if self.guild else None
        if member and self.guild:
            permissions = str(int(self.guild.permissions_of(account.id, self._channel)))
            self._put("members", account.id, member.payload(with_user=False) | {"permissions": permissions})
        return self._put("users", account.id, account.payload())

    def role(self, role: Role) -> str:
        """Refer to a role."""
        return self._put("roles", role.id, role.payload())

    def channel(self, channel: Channel, user_id: int) -> str:
        """Refer to a channel."""
        total = self.guild.permissions_of(user_id, channel) if self.guild else 0
        return self._put("channels", channel.id, channel.payload() | {"permissions": str(int(total))})

    def message(self, message: Message) -> str:
        """Refer to a message, which the bot may read then whatever its intents are."""
        return self._put("messages", message.id, message.payload(Viewer(0, reads_content=True)))
