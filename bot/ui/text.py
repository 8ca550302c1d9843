"""Text for Discord: foreign words made harmless, numbers made readable."""

import re
import unicodedata

from bot.domain.money import Window
from bot.language import marked, tr, trn

_WORD_JOINER = "\u2060"
_LOOKALIKE_TICK = "\u02cb"  # ends no code block
_LOOKALIKE_AT = "\uff20"  # mentions nobody
_LOOKALIKE_LESS = "\uff1c"  # begins no mention, timestamp or emoji
_DEFUSED = str.maketrans({"@": _LOOKALIKE_AT, "<": _LOOKALIKE_LESS, "`": _LOOKALIKE_TICK})
_MAX_QUOTED = 300

WINDOWS = {
    Window.DAY: marked("today"),
    Window.WEEK: marked("this week"),
    Window.MONTH: marked("this month"),
}
"""When, at this moment; translated where it is shown."""


def plain(text: str) -> str:
    """The text on one line, without control, format and bidirectional characters."""
    kept = (" " if char.isspace() else char for char in text if not _is_invisible(char))
    return re.sub(r" +", " ", "".join(kept)).strip()


def cut(text: str, length: int) -> str:
    """The text, shortened with an ellipsis to at most `length` characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def quoted(text: str, *, length: int = _MAX_QUOTED) -> str:
    """Foreign text as a code block: nothing in it is a mention, a link or markdown."""
    harmless = cut(plain(text), length).replace("`", _LOOKALIKE_TICK)
    return f"```\n{harmless or _WORD_JOINER}\n```"


def inline(text: str, *, length: int) -> str:
    """Foreign text as code within a line."""
    return f"`{cut(plain(text), length).replace('`', _LOOKALIKE_TICK) or _WORD_JOINER}`"


def thread_name(text: str, *, otherwise: str) -> str:
    """A thread's name from foreign text: 1 to 100 characters, one line, no mentions."""
    return cut(plain(text.replace("`", "")).translate(_DEFUSED), 90) or otherwise


def prose(text: str, *, length: int) -> str:
    """A foreign sentence between our own: no mentions, no markdown, no links, on one line."""
    return re.sub(r"([\\*_~|#\[\]()>]|:(?=//))", r"\\\1", cut(plain(text), length).translate(_DEFUSED))


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 credit`, `2 credits`."""
    single, several = f"{{number}} {one}", f"{{number}} {many or one + 's'}"
    return trn(single, several, number)


def link_to(guild_id: int, channel_id: int | None, message_id: int) -> str:
    """The address of a message."""
    return f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"


def mention(user_id: int) -> str:
    """A member; one who was forgotten has a number below 0 in their place."""
    return f"<@{user_id}>" if user_id > 0 else tr("a forgotten member")


def until_words(at_ms: int) -> str:
    """Until when, as each reader's own clock says."""
    return tr("until {time}", time=f"<t:{at_ms // 1000}:f>")


def progress_bar(fraction: float, *, width: int = 12) -> str:
    """A bar and a percentage that fit a phone."""
    fraction = min(1.0, max(0.0, fraction))
    filled = round(fraction * width)
    percent = tr("{percent}%", percent=f"{100 * fraction:.0f}")
    return f"{'▰' * filled}{'▱' * (width - filled)} {percent}"


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") and not char.isspace()
