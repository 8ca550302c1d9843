"""A typeface for any text: the one that comes with Pillow where it has the letters, else one of the system's.

What no face can draw is left out: first the marks over a letter, then the character.
"""

import unicodedata
from collections.abc import Iterator
from functools import cached_property

from PIL import Image, ImageDraw, ImageFont

# By what they cover, widest first; Pillow looks for them in the system's font folders.
SYSTEM_FACES = (
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "malgun.ttf",
    "meiryo.ttc",
    "segoeui.ttf",
    "arial.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
)
MEASURE_PX = 100
GLANCE_PX = 24  # enough to tell a letter from the box that stands for none
NO_CHARACTER = "\U0010ffff"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Typeface:
    """A face at any size; None is the one that comes with Pillow."""

    def __init__(self, name: str | None) -> None:
        """Raises `OSError` when the system has no such face."""
        self._name = name
        self._measure = self.at(MEASURE_PX)
        self._glance = self.at(GLANCE_PX)
        self._known: dict[str, bool] = {}

    def at(self, size_px: float) -> Font:
        """The face at this size."""
        if self._name is None:
            return ImageFont.load_default(size_px)
        return ImageFont.truetype(self._name, size_px)

    def width(self, text: str) -> float:
        """How wide the text is, in sizes of the face."""
        return self._measure.getlength(text) / MEASURE_PX

    def has(self, character: str) -> bool:
        """Whether the face has a picture of this character and not just the box that stands for none."""
        if character not in self._known:
            self._known[character] = character.isspace() or self._drawn(character) != self._box
        return self._known[character]

    @cached_property
    def _box(self) -> bytes:
        return self._drawn(NO_CHARACTER)

    def _drawn(self, character: str) -> bytes:
        spot = Image.new("L", (2 * GLANCE_PX, 2 * GLANCE_PX))
        ImageDraw.Draw(spot).text((GLANCE_PX // 2, 0), character, fill=255, font=self._glance)
        return spot.tobytes()


def typeface_for(text: str) -> tuple[Typeface, str]:
    """The face that draws most of the text's letters, and as much of the text as it draws."""
    letters = {character for character in text if unicodedata.category(character)[0] in "LN"}
    best = Typeface(None)
    for face in _faces(best):
        if all(map(face.has, letters)):
            best = face
            break
        best = max(best, face, key=lambda one: sum(map(one.has, letters)))
    return best, "".join(_drawable(best, unicodedata.normalize("NFC", text)))


def _faces(first: Typeface) -> Iterator[Typeface]:
    yield first
    for name in SYSTEM_FACES:
        try:
            yield Typeface(name)
        except OSError:  # this system does not have it
            continue


def _drawable(face: Typeface, text: str) -> Iterator[str]:
    for character in text:
        if face.has(character):
            yield character
        else:
            yield from (base for base in unicodedata.normalize("NFKD", character) if face.has(base))
