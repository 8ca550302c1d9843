"""`/motion`: a picture in which painted things move along paths."""

# ruff: noqa: UP045 - what Range gives cannot be joined with | for the type checker

from typing import Optional

import discord
from discord import Attachment, app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.client import Kinora
from bot.domain.requests import Options
from bot.ui import options
from bot.ui.motion import painting

PathText = Optional[Range[str, 1, 2000]]

_MOVING = {f"mask{number}": f"What moves, painted white on black: number {number}" for number in range(1, 7)}
_PATHS = {
    f"path{number}": f"Where it moves: x,y x,y … in pixels from the top left; for mask{number}"
    for number in range(1, 7)
}


class Motion(commands.Cog):
    """The motion brush."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    @app_commands.describe(
        image="The picture to animate: JPEG, PNG, WebP or GIF, up to 10 MB",
        prompt="What should happen",
        still_mask="What stands still, painted white on black; as large as the picture",
        end_frame="The picture the clip should end on",
        **_MOVING,
        **_PATHS,
    )
    @options.shared(
        "model", "duration", "quality", "negative", "guidance", "provider", "watermark", "draft", "spoiler",
        prompt_required=False,
    )  # fmt: skip
    async def motion(
        self,
        interaction: discord.Interaction[Kinora],
        *,
        image: Attachment,
        still_mask: Attachment | None = None,
        mask1: Attachment | None = None,
        path1: PathText = None,
        mask2: Attachment | None = None,
        path2: PathText = None,
        mask3: Attachment | None = None,
        path3: PathText = None,
        mask4: Attachment | None = None,
        path4: PathText = None,
        mask5: Attachment | None = None,
        path5: PathText = None,
        mask6: Attachment | None = None,
        path6: PathText = None,
        end_frame: Attachment | None = None,
        wanted: Options,
    ) -> None:
        """Move painted parts of a picture along paths."""
        masks = dict(enumerate((mask1, mask2, mask3, mask4, mask5, mask6), start=1))
        paths = dict(enumerate((path1, path2, path3, path4, path5, path6), start=1))
        desk = self.bot.desk
        if not any((still_mask, *masks.values(), *paths.values())) and desk.paintings.has_page:
            await desk.paint(interaction, wanted, image=image, end_frame=end_frame)
            return
        painted = painting(
            still_mask,
            {number: mask for number, mask in masks.items() if mask},
            {number: path for number, path in paths.items() if path},
        )
        await desk.ask(interaction, wanted, image=image, end_frame=end_frame, motion=painted)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Motion(bot))
