"""What can be read in the pictures, as it is kept beside them."""

# ruff: noqa: INP001 - beside the pictures, and part of no package

import hashlib
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
SHOWN = HERE / "shown.txt"
GALLERY = HERE / "README.md"
_HEAD = "What can be read in the pictures beside this; `make screens` writes it.\n"

_CAPTIONS: Mapping[str, str] = {
    "page": "The local Discord that `make demo` opens: a clip in its thread.",
    "phone": "The same on a phone.",
    "command": "A command as it is filled in.",
    "card-waiting": "A request that waits for its turn.",
    "card-rendering": "One that is being made, with an estimate from what clips took before.",
    "card-done": "One that is done.",
    "result": "The clip, and what can be done with it.",
    "card-in-doubt": "The provider hung up: it is asked whether it took the request, which is never sent again blindly.",
    "card-kept": "No place took the clip: it is kept, and charged when it is claimed.",
    "card-failed": "What fails costs nothing.",
    "card-cancelled": "Nor does what is cancelled.",
    "card-deleted": "A clip that was deleted takes its prompt and its picture along.",
    "question": "What is dear is asked about first.",
    "refusal": "A refusal says why, and that nothing was charged.",
    "quota-me": "`/quota me`: what a member has left.",
    "jobs": "`/jobs`: a member's own.",
    "painter": "The page on which motion is painted: what stands still, what moves, and along which path.",
    "drawer": "*What if…*: whatever can go wrong, and what the bot promises then.",
    "books": "The provider's bill, the jobs and the ledger beside it.",
    "quota-show": "`/quota show`: what moderators have set.",
    "quota-log": "`/quota log`: who spent what, and who gave it.",
    "settings": "`/settings show`.",
    "stats": "`/stats`, for moderators.",
}

_ROOT = HERE.parents[1]
_DRAWN_BY = ("bot/sandbox/page/static/*", "bot/web/painter/*.[chjs]*", "bot/media/charts/*.py")


def told(read: Mapping[str, str]) -> str:
    """The whole file."""
    return f"{_HEAD}{drawn_by()}" + "".join(f"\n== {name}\n{text}\n" for name, text in read.items())


def gallery() -> str:
    """The page about all of them."""
    parts = ["# Pictures of Kinora\n\nTaken of the real bot by `make screens`, which writes this page too.\n"]
    for name, caption in _CAPTIONS.items():
        dark = HERE / f"{name}-dark.webp"
        picture = f"![{caption.replace('`', '').replace('*', '')}]({name}.webp)"
        beside = f" ([dark]({dark.name}))" if dark.exists() else ""
        parts.append(f"\n{caption}{beside}\n\n{picture}\n")
    return "".join(parts)


def captioned() -> set[str]:
    """The names of the pictures that it shows."""
    return set(_CAPTIONS)


def kept() -> dict[str, str]:
    """What stood in each picture when they were taken."""
    parts = SHOWN.read_text(encoding="utf-8").split("\n== ")[1:] if SHOWN.exists() else []
    return {name: text.rstrip("\n") for name, _, text in (part.partition("\n") for part in parts)}


def drawn_by() -> str:
    """A line that is another one when what draws the pages is: looks are no words."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _DRAWN_BY for path in _ROOT.glob(pattern)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"Drawn by {digest.hexdigest()}\n"
