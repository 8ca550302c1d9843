"""Files: as they are uploaded, and as a message has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.cdn import Cdn
from bot.sandbox.media import content_type, pixels, safe_name
from bot.sandbox.wire import Json


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody uploads."""

    filename: str
    data: bytes
    description: str | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)


@dataclass(eq=False)
class Attachment:
    """A file on the CDN."""

    id: int
    filename: str
    path: str
    size: int
    content_type: str
    pixels: tuple[int, int] | None
    description: str | None
    cdn: Cdn
    is_ephemeral: bool = False

    @property
    def data(self) -> bytes:
        """The file itself."""
        return self.cdn.get(self.path)

    @property
    def url(self) -> str:
        """A fresh link."""
        return self.cdn.url(self.path)

    @property
    def is_spoiler(self) -> bool:
        """Whether it is hidden until it is clicked."""
        return self.filename.startswith("SPOILER_")

    def payload(self) -> Json:
        """The attachment object, with a fresh link."""
        url = self.url
        return {
            "id": str(self.id),
            "filename": self.filename,
            "size": self.size,
            "url": url,
            "proxy_url": url,
            "content_type": self.content_type,
            **({"width": self.pixels[0], "height": self.pixels[1]} if self.pixels else {}),
            **({"description": self.description} if self.description else {}),
            **({"ephemeral": True} if self.is_ephemeral else {}),
        }

    def media(self) -> Json:
        """What a component that shows this file has in place of its `attachment://`."""
        url = self.url
        width, height = self.pixels or (None, None)
        return {
            "id": str(self.id),
            "url": url,
            "proxy_url": url,
            "width": width,
            "height": height,
            "content_type": self.content_type,
            "attachment_id": str(self.id),
            "flags": 0,
        }


def store(
    cdn: Cdn, identifier: int, channel_id: int, file: File, *, is_ephemeral: bool = False
) -> Attachment:
    """Put an uploaded file on the CDN."""
    name = safe_name(file.filename)
    folder = "ephemeral-attachments" if is_ephemeral else "attachments"
    path = f"{folder}/{channel_id}/{identifier}/{name}"
    kind = content_type(name)
    cdn.put(path, file.data, kind)
    size = pixels(file.data)
    return Attachment(identifier, name, path, len(file.data), kind, size, file.description, cdn, is_ephemeral)


def named(attachments: Sequence[Attachment], filename: str) -> Attachment | None:
    """The attachment that `attachment://filename` means."""
    wanted = safe_name(filename)
    return next((found for found in attachments if found.filename == wanted), None)
