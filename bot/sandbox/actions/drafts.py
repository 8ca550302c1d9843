"""What somebody wants to post or change, read out of a request or made by a person's client."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.sandbox.actions.mentions import Allowed
from bot.sandbox.model.attachments import File
from bot.sandbox.wire import Json, as_object, as_objects

_MAX_UPLOADS = 10


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be. In an edit only the keys in `given` count."""

    content: str = ""
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    flags: int = 0
    files: list[File] = field(default_factory=list[File])
    kept: frozenset[int] = frozenset()
    allowed: Allowed = field(default_factory=Allowed)
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: Json = field(default_factory=dict[str, object])
    given: frozenset[str] = frozenset()

    @classmethod
    def of(cls, body: Json, uploads: Mapping[int, File], *, in_interaction: bool = False) -> "Draft":
        """Read a message out of a request body."""
        entries = {int(entry["id"]): entry for entry in as_objects(body.get("attachments"))}
        files = [
            File(
                entries.get(index, {}).get("filename") or file.filename,
                file.data,
                entries.get(index, {}).get("description"),
            )
            for index, file in sorted(uploads.items())
        ]
        return cls(
            content=body.get("content") or "",
            embeds=as_objects(body.get("embeds")),
            components=as_objects(body.get("components")),
            flags=int(body.get("flags") or 0),
            files=files,
            kept=frozenset(identifier for identifier in entries if identifier >= _MAX_UPLOADS),
            allowed=Allowed.of(body.get("allowed_mentions"), in_interaction=in_interaction),
            nonce=body.get("nonce"),
            enforce_nonce=bool(body.get("enforce_nonce")),
            reference=as_object(body.get("message_reference")),
            given=frozenset(body),
        )
