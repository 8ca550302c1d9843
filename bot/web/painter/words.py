"""What the page of the painter says: each text by the name that its script knows, in English.

`/paint/{token}/facts` brings all of them in the member's language.
"""

from collections.abc import Mapping
from typing import Final

from bot.language import marked

WORDS: Final[Mapping[str, str]] = {
    "title": marked("Paint the motion"),
}
