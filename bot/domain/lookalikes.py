"""Characters that read as letters: of other scripts, in frames and flags, and digits and signs that stand in for them."""

# ruff: noqa: RUF001 - that they can be mistaken is what this is about

_ALIKE = {
    "a": "аαɑᴀꓮᎪ", "b": "ьвβʙꓐᏴ", "c": "сϲᴄꓚᏟ", "d": "ԁđɖᴅꓓᎠ", "e": "еєεɛᴇꓰᎬ", "f": "ƒꜰꓝ", "g": "ɡցɢꓖᏀ", "h": "һнħʜꓧᎻ",
    "i": "іιıɪӏꓲᎥ", "j": "јϳᴊꓙᎫ", "k": "кκᴋꓗᏦ", "l": "łʟꓡᏞ", "m": "мᴍꓟᎷ", "n": "пηɴոꓠ", "o": "оοσօøᴏꓳ", "p": "рρᴘꓑᏢ",
    "q": "ԛգ", "r": "гʀꓣᎡᏒ", "s": "ѕꜱꓢᏚ", "t": "тτᴛŧꓔᎢ", "u": "υսʋᴜꓴμ", "v": "ѵνᴠꓦᏙ", "w": "ѡωԝᴡꓪᎳ", "x": "хχꓫ",
    "y": "уγүʏꓬᎽ", "z": "ᴢƶꓜᏃ",
}  # fmt: skip
"""The likeliest of https://www.unicode.org/Public/security/latest/confusables.txt, and small capitals."""

CAPITALS = str.maketrans("ΗΜΝΖ", "hmnz")
"""Capitals that look like another letter than their small ones do; for `str.translate`, while there is upper case."""

_REGIONAL_A, _SQUARED_A, _NEGATIVE_CIRCLED_A, _NEGATIVE_SQUARED_A = 0x1F1E6, 0x1F130, 0x1F150, 0x1F170
_FRAMED = {
    first + place: chr(ord("a") + place)
    for first in (_REGIONAL_A, _SQUARED_A, _NEGATIVE_CIRCLED_A, _NEGATIVE_SQUARED_A)
    for place in range(26)
}

LETTERS = _FRAMED | {ord(char): letter for letter, chars in _ALIKE.items() for char in chars}
"""For `str.translate`, after case and accents are gone."""

_STAND_INS = {
    "0": "o",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "+": "t",
    "€": "e",
}

READINGS = tuple(str.maketrans(_STAND_INS | dict.fromkeys("1!|¡", letter)) for letter in ("i", "l"))
"""Ways to read digits and signs within a word as letters, each for `str.translate`."""
