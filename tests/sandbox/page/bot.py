"""A bot that is played by hand."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import Permission, Sandbox
from bot.sandbox.model.interactions import Interaction
from tests.patience import PATIENCE_S
from tests.sandbox.conftest import Rest

COMMANDS: list[dict[str, Any]] = [
    {
        "name": "animate",
        "description": "d",
        "options": [
            {"type": 11, "name": "image", "description": "d", "required": True},
            {"type": 3, "name": "prompt", "description": "d", "autocomplete": True},
            {"type": 4, "name": "seconds", "description": "d", "max_value": 10},
            {"type": 6, "name": "who", "description": "d"},
            {"type": 7, "name": "where", "description": "d"},
            {"type": 8, "name": "role", "description": "d"},
            {"type": 9, "name": "whom", "description": "d"},
            {"type": 10, "name": "strength", "description": "d"},
        ],
    },
    {
        "name": "quota",
        "description": "d",
        "options": [
            {"type": 1, "name": "me", "description": "d"},
            {
                "type": 1,
                "name": "of",
                "description": "d",
                "options": [{"type": 6, "name": "user", "description": "d", "required": True}],
            },
        ],
    },
    {"name": "settings", "description": "d", "default_member_permissions": str(int(Permission.MANAGE_GUILD))},
    {"name": "Animate", "type": 3},
    {"name": "Who", "type": 2},
]
EPHEMERAL = 1 << 6
MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9


@dataclass
class Bot:
    """The other side: hears interactions and answers them over REST."""

    sandbox: Sandbox
    rest: Rest
    begun: list[Interaction] = field(default_factory=list[Interaction])
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def notice(self, thing: object, is_new: bool) -> None:  # noqa: FBT001 - as the hub calls it
        if isinstance(thing, Interaction) and is_new:
            self.begun.append(thing)
            self.came.set()

    async def gets(self, count: int = 1) -> Interaction:
        """Wait for so many interactions; the latest of them."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.begun) < count:
                self.came.clear()
                await self.came.wait()
        return self.begun[count - 1]

    async def answers(self, interaction: Interaction, kind: int, **data: Any) -> None:
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        body = {"type": kind, **({"data": data} if data else {})}
        status, said = await self.rest("POST", path, body, token=None)
        assert status == 204, said

    async def follows_up(self, interaction: Interaction, **data: Any) -> None:
        path = f"/webhooks/{interaction.app.id}/{interaction.token}"
        status, said = await self.rest("POST", path, data, token=None)
        assert status == 200, said

    async def edits(self, interaction: Interaction, **data: Any) -> None:
        path = f"/webhooks/{interaction.app.id}/{interaction.token}/messages/@original"
        status, said = await self.rest("PATCH", path, data, token=None)
        assert status == 200, said
