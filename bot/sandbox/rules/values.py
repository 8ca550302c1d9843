"""Single values that bodies of several kinds have in common."""

from collections.abc import Iterator

from bot.sandbox.rules.shape import items, text

_MAX_FILE_TYPES = 10
_MEDIA_KINDS = ("image", "video", "audio")
MAX_INTEGER = 2**53 - 1  # what JavaScript counts without loss


def choice_value(where: str, value: object) -> Iterator[str]:
    """Accept the value of a choice: a text, or a number that survives JavaScript."""
    if isinstance(value, str):
        yield from text(1, 100)(where, value)
    elif isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_INTEGER:
        yield f"{where} must be a text or a number between -2^53 and 2^53, not {value!r}."


def file_type(where: str, value: object) -> Iterator[str]:
    """Accept what `file_types` may name: a kind of media, or an extension with its dot."""
    is_extension = isinstance(value, str) and value.startswith(".") and value[1:].isalnum()
    if value not in _MEDIA_KINDS and not is_extension:
        yield f"{where} must be image, video, audio or an extension such as .png, not {value!r}."


FILE_TYPES = items(file_type, 1, _MAX_FILE_TYPES, unique=True)
