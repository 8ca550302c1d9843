"""What goes wrong on the way to Discord and at the vendors, by dice."""

import random
from collections.abc import Collection
from enum import StrEnum
from typing import Any

from bot.sandbox import Answer, Delay, Drop, TooMany
from bot.sandbox.faults import Action
from tests.vendors.opened import Vendors
from tests.vendors.vendor import OnCreate, OnDownload, OnPoll, Outcome

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
_AT_LOGIN = {"/users/@me", "/oauth2/applications/@me", "/applications/@me"}
_HARM: tuple[Action, ...] = (
    Answer(500),
    Answer(502),
    Answer(503),
    TooMany(0.02),
    TooMany(0.02, via=False),
    Drop(),
    Drop(after_effect=True),
    Delay(0.3),
    Delay(0.3, after_effect=True),
)


class Weather:
    """Strikes one request in twenty, and one first response in sixty: it has three seconds."""

    def __init__(self, dice: random.Random, *, share: float = 0.05) -> None:
        self._dice = dice
        self._share = share
        self.strikes = 0

    def __call__(self, method: str, route: str) -> Action | None:
        share = self._share / 3 if route == CALLBACK else self._share
        if route in _AT_LOGIN or route.endswith("/commands") or self._dice.random() > share:
            return None
        self.strikes += 1
        return self._dice.choice(_HARM)


def upset(vendors: Vendors, dice: random.Random, *, jobs: int) -> None:
    """About every sixth thing goes wrong at each vendor, as often as there may be jobs."""

    def mishaps(kind: type[StrEnum], *, but: Collection[StrEnum] = ()) -> Any:
        known = [one for one in kind if one not in but]
        return dice.choices([None] * 5 * len(known) + known, k=3 * jobs)

    for name, vendor in vendors.by_name.items():
        vendor.on_create.extend(mishaps(OnCreate))
        # That Kling does not know a task is proof that there is none.
        vendor.on_poll.extend(mishaps(OnPoll, but=[OnPoll.NOT_FOUND] if name == "kling" else []))
        vendor.on_download.extend(mishaps(OnDownload))
        vendor.outcomes.extend(dice.choices([Outcome.READY] * 9 + [Outcome.FAILED], k=3 * jobs))


def calm(vendors: Vendors) -> None:
    """From now on all goes well at the vendors."""
    for vendor in vendors.by_name.values():
        for mishaps in (vendor.on_create, vendor.on_poll, vendor.on_download, vendor.outcomes):
            mishaps.clear()
