"""Where clips go: what a server prefers."""

from dataclasses import dataclass
from enum import IntEnum


class ThreadStyle(IntEnum):
    """Where a server wants clips that were asked for in a channel."""

    REQUEST = 0  # in a thread of their own, on their card
    MEMBER = 1  # in one running thread for each member below the channel
    NONE = 2  # in the channel itself, as a reply to their card
    GALLERY = 3  # in one channel for all, also those that were asked for in a thread


@dataclass(frozen=True, slots=True)
class Preferred:
    """What a server chose; where that cannot be, the usual places follow."""

    style: ThreadStyle = ThreadStyle.REQUEST
    gallery_id: int | None = None
    """The channel for all clips; only with the style GALLERY."""


def preferred(style: int, gallery_id: int | None) -> Preferred:
    """The choice behind two columns: a gallery without its channel is none."""
    if style == ThreadStyle.GALLERY:
        return Preferred(ThreadStyle.GALLERY, gallery_id) if gallery_id else Preferred()
    return Preferred(ThreadStyle(style)) if style in set(ThreadStyle) else Preferred()
