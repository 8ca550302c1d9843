"""What vendors say, as members may read it: one bounded line without links and keys."""

import re

_LONGEST_SAID = 1000
_LONGEST_WORDS = 300

_SECRETS = re.compile(r"\b(?:sk-|eyJ|Bearer )[\w.*~+/=-]+|\b[0-9a-fA-F]{32,}\b")
_LINKS = re.compile(  # with a scheme or without: Discord shows invitations so, too
    r"\b\w[\w+.-]*://\S+|\bwww\.\S+|\b(?:[a-z0-9-]+\.)+[a-z]{2,24}/\S+",
    re.IGNORECASE | re.ASCII,
)


def words_of(said: object) -> str:
    """Foreign text as a sentence of at most 300 characters; empty if it is no text."""
    if not isinstance(said, str):
        return ""
    printable = "".join(one if one.isprintable() else " " for one in said[:_LONGEST_SAID])
    line = " ".join(_LINKS.sub("(link)", _SECRETS.sub("(key)", printable)).split())
    if len(line) >= _LONGEST_WORDS:
        return f"{line[: _LONGEST_WORDS - 1].rstrip()}…"
    return line if not line or line.endswith((".", "!", "?", "。")) else f"{line}."


def sentence(what: str, words: str) -> str:
    """What happened, in our words, and the vendor's reason where `words_of` found one."""
    return f"{what}: {words}" if words else f"{what}."
