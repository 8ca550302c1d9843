"""Messages, and what of them a bot may read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.model.attachments import Attachment
from bot.sandbox.model.components import Button, buttons, render, shown, texts
from bot.sandbox.model.people import Member, User
from bot.sandbox.waiting import Bell
from bot.sandbox.wire import Json, as_object, iso

SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING, V2 = 1 << 2, 1 << 5, 1 << 6, 1 << 7, 1 << 15
DEFAULT, THREAD_CREATED, REPLY, COMMAND, THREAD_STARTER, MENU_COMMAND = 0, 18, 19, 20, 21, 23
SYSTEM_TYPES = frozenset({THREAD_CREATED, THREAD_STARTER})


@dataclass(frozen=True, slots=True)
class Viewer:
    """A bot that looks at a message."""

    user_id: int
    reads_content: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """What a reply or a forward points at."""

    message_id: int
    channel_id: int
    guild_id: int | None
    is_forward: bool = False

    def payload(self) -> Json:
        """The message reference object."""
        ids = {"message_id": str(self.message_id), "channel_id": str(self.channel_id)}
        guild = {"guild_id": str(self.guild_id)} if self.guild_id else {}
        return {"type": int(self.is_forward), **ids, **guild}


@dataclass(frozen=True, slots=True)
class Mentions:
    """Who a message mentions, after `allowed_mentions`."""

    users: tuple[User, ...] = ()
    role_ids: tuple[int, ...] = ()
    everyone: bool = False
    pinged: frozenset[int] = frozenset()
    """Ids of the users who get a notification."""
    readers: frozenset[int] = frozenset()
    """Ids of the bots that may read the message because it mentions them."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a message said before or after an edit."""

    at_s: float
    text: str


@dataclass(eq=False)
class Message:
    """A message. `files` has all its attachments, those that V2 components show as well."""

    id: int
    channel_id: int
    guild_id: int | None
    author: User
    at_s: float
    type: int = DEFAULT
    content: str = ""
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    files: list[Attachment] = field(default_factory=list[Attachment])
    flags: int = 0
    mentions: Mentions = field(default_factory=Mentions)
    nonce: str | int | None = None
    reference: Reference | None = None
    referenced: "Message | None" = None
    brings_referenced: bool = True
    """Whether the message that it replies to comes along; Discord does not always look for it."""
    snapshots: list["Message"] = field(default_factory=list["Message"])
    ephemeral_to: User | None = None
    application_id: int | None = None
    interaction: Json | None = None
    member: Member | None = None
    position: int | None = None
    thread: Callable[[], Json] | None = None
    edited_at_s: float | None = None
    edits: list[Version] = field(default_factory=list[Version])
    is_deleted: bool = False
    bell: Bell = field(default_factory=Bell)

    def __repr__(self) -> str:
        names = [attachment.filename for attachment in self.files]
        return f"<Message {self.id} by {self.author.name}: {self.text!r} {names or ''}>"

    @property
    def text(self) -> str:
        """All it says: content, embeds, TextDisplays."""
        said = [self.content, *(_embed_text(embed) for embed in self.embeds)]
        return "\n".join(part for part in (*said, *texts(self.components)) if part)

    @property
    def pinged(self) -> frozenset[int]:
        """Ids of the users who got a notification; edits give none."""
        return self.mentions.pinged

    @property
    def buttons(self) -> list[Button]:
        """Buttons and selects."""
        return buttons(self.components)

    @property
    def is_loading(self) -> bool:
        """Whether it still says that the bot is thinking."""
        return bool(self.flags & LOADING)

    def is_readable_by(self, viewer: Viewer) -> bool:
        """Whether the bot sees the content: its own, in a DM, where it is mentioned, or with the intent."""
        return (
            viewer.reads_content
            or self.guild_id is None
            or viewer.user_id == self.author.id
            or viewer.user_id in self.mentions.readers
        )

    def payload(self, viewer: Viewer) -> Json:
        """The message object as this bot gets it."""
        return self._envelope() | self._said(viewer) | self._related(viewer)

    def _envelope(self) -> Json:
        body: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel_id),
            "type": self.type,
            "author": self.author.payload(),
            "timestamp": iso(self.at_s),
            "edited_timestamp": iso(self.edited_at_s) if self.edited_at_s else None,
            "flags": self.flags,
            "tts": False,
            "pinned": False,
            "mention_everyone": self.mentions.everyone,
            "mentions": [user.payload() for user in self.mentions.users],
            "mention_roles": [str(role_id) for role_id in self.mentions.role_ids],
        }
        if self.nonce is not None:
            body["nonce"] = self.nonce
        if self.application_id:
            body["application_id"] = str(self.application_id)
        if self.position is not None:
            body["position"] = self.position
        if self.interaction:
            body |= {"webhook_id": str(self.application_id), "interaction_metadata": self.interaction}
        return body

    def _said(self, viewer: Viewer) -> Json:
        if not self.is_readable_by(viewer):
            return {"content": "", "embeds": [], "attachments": [], "components": []}
        in_components = {attachment.id for attachment in shown(self.components)}
        return {
            "content": self.content,
            "embeds": [] if self.flags & SUPPRESS_EMBEDS else self.embeds,
            "attachments": [file.payload() for file in self.files if file.id not in in_components],
            "components": render(self.components),
        }

    def _related(self, viewer: Viewer) -> Json:
        body = self._carried(viewer)
        if self.type in {REPLY, THREAD_STARTER} and self.brings_referenced:
            gone = self.referenced is None or self.referenced.is_deleted or self._is_secret(self.referenced)
            body["referenced_message"] = (
                None if gone or not self.referenced else self.referenced.brief(viewer)
            )
        if self.thread:
            body["thread"] = self.thread()
        return body

    def _is_secret(self, referenced: "Message") -> bool:
        """Whether others see this message than that one: what was said to one person is not repeated to all."""
        return referenced.ephemeral_to not in {None, self.ephemeral_to}

    def _carried(self, viewer: Viewer) -> Json:
        body: Json = {}
        if self.reference:
            body["message_reference"] = self.reference.payload()
        if self.snapshots:
            body["message_snapshots"] = [self._snapshot(copy, viewer) for copy in self.snapshots]
        return body

    def brief(self, viewer: Viewer) -> Json:
        """The message as it stands inside a reply to it: without the one it replies to."""
        return self._envelope() | self._said(viewer) | self._carried(viewer)

    def _snapshot(self, copy: "Message", viewer: Viewer) -> Json:
        can_read = self.is_readable_by(viewer)
        reader = Viewer(viewer.user_id, reads_content=True) if can_read else viewer
        whole = copy.brief(reader) if can_read else copy._envelope() | _NOTHING  # noqa: SLF001 - its own class
        return {"message": {key: whole[key] for key in _SNAPSHOT_KEYS}}


_NOTHING: Json = {"content": "", "embeds": [], "attachments": [], "components": []}
_SNAPSHOT_KEYS = (
    *_NOTHING,
    *("type", "timestamp", "edited_timestamp", "flags", "mentions", "mention_roles"),
)


def _embed_text(embed: Json) -> str:
    fields = [f"{entry.get('name', '')}\n{entry.get('value', '')}" for entry in embed.get("fields", ())]
    footer = as_object(embed.get("footer")).get("text")
    parts = (embed.get("title"), embed.get("description"), *fields, footer)
    return "\n".join(part for part in parts if part)
