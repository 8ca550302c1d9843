"""The state of one local Discord, with an index for every way it is asked."""

from collections import OrderedDict
from dataclasses import dataclass, field

from bot.sandbox.model.applications import Application
from bot.sandbox.model.channels import Channel, Kind
from bot.sandbox.model.guilds import UPLOAD_LIMITS, Guild
from bot.sandbox.model.hub import Hub
from bot.sandbox.model.interactions import Interaction
from bot.sandbox.model.messages import Viewer
from bot.sandbox.model.people import User
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import Refusal

_MAX_INTERACTIONS = 20_000
_MAX_NONCES = 20_000
_NONCE_WINDOW_S = 180.0


@dataclass(eq=False)
class World:
    """Everything there is, found in constant time."""

    hub: Hub
    users: dict[int, User] = field(default_factory=dict[int, User])
    guilds: dict[int, Guild] = field(default_factory=dict[int, Guild])
    apps: dict[int, Application] = field(default_factory=dict[int, Application])
    apps_by_token: dict[str, Application] = field(default_factory=dict[str, Application])
    apps_by_user: dict[int, Application] = field(default_factory=dict[int, Application])
    direct: dict[tuple[int, int], Channel] = field(default_factory=dict[tuple[int, int], Channel])
    interactions: OrderedDict[str, Interaction] = field(default_factory=OrderedDict[str, Interaction])
    nonces: OrderedDict[tuple[int, str], tuple[float, int, int]] = field(
        default_factory=OrderedDict[tuple[int, str], tuple[float, int, int]]
    )

    def channel(self, channel_id: int) -> Channel:
        """The channel, thread or DM.

        Raises:
            Refusal: there is none.
        """
        found = self.hub.channels.get(channel_id)
        if found is None:
            raise Refusal(10003)
        if found.thread and found.guild_id:
            self.guilds[found.guild_id].settle(found)
        return found

    def guild_of(self, channel: Channel) -> Guild | None:
        """The channel's guild; None for a DM."""
        return self.guilds[channel.guild_id] if channel.guild_id else None

    def demand(self, user: User, channel: Channel, needed: Permission = Permission.NONE) -> None:
        """Refuse what the user may not do in the channel.

        Raises:
            Refusal: 50001 if the channel is not visible, 50013 if a permission is missing.
        """
        guild = self.guild_of(channel)
        if guild is None:
            if user not in channel.recipients:
                raise Refusal(50001)
            return
        if not guild.sees(user.id, channel):
            raise Refusal(50001)
        if not guild.may(user.id, channel, needed):
            raise Refusal(50013)

    def viewer(self, app: Application) -> Viewer:
        """How the application's REST requests see messages."""
        return Viewer(app.user.id, app.message_content)

    def upload_limit(self, channel: Channel) -> int:
        """Bytes per file that a bot may upload to the channel."""
        guild = self.guild_of(channel)
        return guild.upload_limit if guild else UPLOAD_LIMITS[0]

    def direct_channel(self, one: User, other: User) -> Channel:
        """The DM channel of two users; it is made when it is first asked for."""
        key = min(one.id, other.id), max(one.id, other.id)
        if key not in self.direct:
            channel = Channel(self.hub.new_id(), "", Kind.DM, None, self.hub.clock(), recipients=(one, other))
            self.direct[key] = self.hub.channels[channel.id] = channel
            self.hub.changed(channel, is_new=True)
        return self.direct[key]

    def remember(self, interaction: Interaction) -> None:
        """Index an interaction; beyond a bound the oldest are forgotten."""
        self.interactions[interaction.token] = interaction
        if len(self.interactions) > _MAX_INTERACTIONS:
            self.interactions.popitem(last=False)

    def first_with_nonce(self, author: User, nonce: object) -> tuple[int, int] | None:
        """Channel and id of the message that this author sent with this nonce in the last minutes."""
        found = self.nonces.get((author.id, str(nonce)))
        if found is None or self.hub.clock() - found[0] > _NONCE_WINDOW_S:
            return None
        return found[1:]

    def remember_nonce(self, author: User, nonce: object, channel_id: int, message_id: int) -> None:
        """Note which message was sent with a nonce."""
        key = author.id, str(nonce)
        self.nonces[key] = self.hub.clock(), channel_id, message_id
        self.nonces.move_to_end(key)
        if len(self.nonces) > _MAX_NONCES:
            self.nonces.popitem(last=False)
