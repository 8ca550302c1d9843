"""Pictures in a message: in attachments, embeds, components and forwarded copies, in the order in which they are seen.

Types and sizes are claims here; what is fetched is bounded and looked into later. Nothing is ever fetched from
addresses that people wrote: what they link to is had from Discord's proxy.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import discord
import yarl
from discord.http import Route

from bot.domain.begun import MAX_CHOICES

_HOSTS = frozenset(
    {
        "cdn.discordapp.com",
        "media.discordapp.net",
        "images-ext-1.discordapp.net",
        "images-ext-2.discordapp.net",
    }
)
"""Where Discord keeps what was uploaded, and its copies of what was linked to."""
_PUBLIC = frozenset({"discord.com"})
"""Where the API is, unless a local Discord was configured, which keeps files at the address of its API."""
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
_TYPES = frozenset({"image/jpeg", "image/jpg", "image/png", "image/webp", "image/gif"})
_CLIP = re.compile(r"(?:SPOILER_)?kinora-([0-9]{1,18})\.mp4")
_BUTTON = re.compile(r"job:([0-9]{1,18}):[a-z]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A picture in a message."""

    url: str
    size_bytes: int | None = None
    """As Discord says; None where it does not."""
    is_spoiler: bool = False
    """Whether it is hidden until it is clicked."""


@dataclass(frozen=True, slots=True)
class _Media:
    """Something that may be a picture."""

    addresses: tuple[str | None, ...]
    """Where it may be had, the best place first."""
    type: str | None
    name: str | None
    size_bytes: int | None = None
    is_spoiler: bool = False

    @property
    def is_picture(self) -> bool:
        """As far as its name and type say; a type that is none of ours may still be right about a name's."""
        if self.type is not None:
            return self.type.partition(";")[0].strip().lower() in _TYPES
        return self.name is None or self.name.lower().endswith(_SUFFIXES)


Carrier = discord.Message | discord.MessageSnapshot


def pictures_in(message: discord.Message) -> tuple[Found, ...]:
    """Every picture in a message, once, and at most ten."""
    found: dict[str, Found] = {}
    for media in _all_media(message):
        url = next(filter(is_discords, filter(None, media.addresses)), None)
        if url is not None and media.is_picture:
            found.setdefault(yarl.URL(url).path, Found(url, media.size_bytes, media.is_spoiler))
    return tuple(found.values())[:MAX_CHOICES]


def clip_in(message: discord.Message, author_id: int) -> int | None:
    """The number of the job whose clip a message of that author shows; None for any other message."""
    if message.author.id != author_id:
        return None
    names = [file.filename for file in message.attachments]
    names += [
        yarl.URL(url).name for media in _in_components(message.components) if (url := media.addresses[0])
    ]
    numbers = [int(found[1]) for found in map(_CLIP.fullmatch, names) if found]
    return numbers[0] if numbers else None


def job_in(message: discord.Message, author_id: int) -> int | None:
    """The number of the job that a message of that author is about, by its buttons; None for any other message."""
    if message.author.id != author_id:
        return None
    found = (_BUTTON.fullmatch(getattr(one, "custom_id", None) or "") for one in _walk(message.components))
    return next((int(match[1]) for match in found if match), None)


def _all_media(message: discord.Message) -> Iterator[_Media]:
    carriers: Iterable[Carrier] = (message, *message.message_snapshots)
    for carrier in carriers:
        for file in carrier.attachments:
            yield _Media(
                (file.url, file.proxy_url), file.content_type, file.filename, file.size, file.is_spoiler()
            )
        for embed in carrier.embeds:
            yield from _in_embed(embed)
        yield from _in_components(carrier.components)


def _in_embed(embed: discord.Embed) -> Iterator[_Media]:
    for shown in (embed.image, embed.thumbnail):
        if shown.url:
            yield _Media((shown.url, shown.proxy_url), getattr(shown, "content_type", None), None)


def _in_components(components: Sequence[Any]) -> Iterator[_Media]:
    for component in _walk(components):
        if isinstance(component, discord.MediaGalleryComponent):
            yield from (_of_item(item.media, is_spoiler=item.spoiler) for item in component.items)
        elif isinstance(component, discord.ThumbnailComponent | discord.FileComponent):
            yield _of_item(component.media, is_spoiler=component.spoiler)


def _of_item(item: discord.UnfurledMediaItem, *, is_spoiler: bool) -> _Media:
    """A gallery shows videos as well; what has no type is judged by its name, as far as that has a suffix."""
    name = _name(item.url)
    return _Media(
        (item.url, item.proxy_url), item.content_type, name if "." in name else None, is_spoiler=is_spoiler
    )


def _name(address: str) -> str:
    url = _parsed(address)
    return url.name if url else ""


def _parsed(address: str) -> yarl.URL | None:
    try:
        return yarl.URL(address)
    except ValueError:
        return None


def _walk(components: Sequence[Any]) -> Iterator[Any]:
    """Every component, those within others too, from top to bottom; a section's accessory comes after its text."""
    for component in components:
        yield component
        yield from _walk(getattr(component, "children", ()))
        accessory = getattr(component, "accessory", None)
        if accessory is not None:
            yield accessory


def is_discords(address: str) -> bool:
    """Whether files at an address are Discord's; any other is not to be asked from here."""
    url = _parsed(address)
    if url is None or not url.absolute or url.scheme not in ("http", "https"):
        return False
    here = yarl.URL(Route.BASE).origin()
    is_discord = url.scheme == "https" and url.host in _HOSTS and url.is_default_port() and not url.user
    is_local = here.host not in _PUBLIC and not url.user and url.origin() == here
    return is_discord or is_local
