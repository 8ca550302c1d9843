"""`/quota`: what one may still spend, and what moderators decide about that."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.services.allowances import MAX_REASON, THE_SERVER
from bot.services.amounts import CAP, MOST_CREDITS, PRICE, read_amount, read_span_ms
from bot.ui import allowances, ledger, quotas
from bot.ui.answers import tell
from bot.ui.checks import asker, ensure_moderator, roles_of
from bot.ui.quotas import Person, Place, act_of, member_id, subject_of

Amount = app_commands.Range[str, 1, 30]
Credits = app_commands.Range[int, 1, MOST_CREDITS]
Reason = app_commands.Range[str, 1, MAX_REASON]
Span = app_commands.Range[str, 1, 30]
ModelName = app_commands.Range[str, 1, 100]

_AMOUNT = "A number, none for no cap, or default for the usual one"
_SPAN = "Such as 12h, 7d or 2w"
_REASON = "Why; kept in the ledger"


class Quota(commands.GroupCog, group_name="quota", group_description="Credits and caps"):
    """Credits and caps. Discord lists all of it to everybody or nobody, so each command asks who it is."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    async def me(self, interaction: discord.Interaction[Kinora]) -> None:
        """See your credits and what you have waiting and running."""
        assert interaction.guild_id is not None
        allowance = await self.bot.services.quotas.allowance(
            interaction.guild_id,
            interaction.user.id,
            roles=asker(interaction).roles,
            channel_id=quotas.place_id(interaction),
        )
        await tell(interaction, allowances.me_text(allowance))

    @app_commands.command()
    @app_commands.describe(
        member="A member", role="A role", channel="A channel; leave all empty for the server"
    )
    async def show(
        self,
        interaction: discord.Interaction[Kinora],
        member: Person | None = None,
        role: discord.Role | None = None,
        channel: Place | None = None,
    ) -> None:
        """Moderators: see the caps and credits of the server, a member, a role or a channel."""
        await ensure_moderator(interaction)
        guild_id = act_of(interaction).guild_id
        subject = subject_of(interaction, member, role, channel, otherwise=THE_SERVER)
        if member is not None:
            roles = roles_of(member)
            allowance = await self.bot.services.quotas.member(guild_id, member.id, roles=roles)
            await tell(interaction, allowances.member_text(member.id, allowance) + quotas.absent(member))
        elif subject.id:
            shown = await self.bot.services.quotas.shown(guild_id, subject)
            await tell(interaction, allowances.shown_text(shown))
        else:
            overview = await self.bot.services.quotas.server(guild_id)
            await tell(interaction, allowances.server_text(overview))

    @app_commands.command()
    @app_commands.describe(
        limit="What is limited",
        amount=_AMOUNT,
        member="For this member alone",
        role="For each member of this role",
        channel="For all in this channel together; leave all empty for every member",
    )
    @app_commands.choices(limit=quotas.MEASURE_CHOICES)
    async def set(
        self,
        interaction: discord.Interaction[Kinora],
        *,
        limit: str,
        amount: Amount,
        member: Person | None = None,
        role: discord.Role | None = None,
        channel: Place | None = None,
    ) -> None:
        """Moderators: cap everybody, a member, a role or a channel."""
        await ensure_moderator(interaction)
        subject = subject_of(interaction, member, role, channel)
        capped = await self.bot.services.quotas.cap(
            act_of(interaction), subject, quotas.measure_of(limit), read_amount(amount, CAP)
        )
        await tell(interaction, quotas.capped_text(capped) + quotas.absent(member))

    @app_commands.command()
    @app_commands.describe(limit="What is limited", amount=_AMOUNT)
    @app_commands.choices(limit=quotas.BUDGET_CHOICES)
    async def budget(self, interaction: discord.Interaction[Kinora], limit: str, amount: Amount) -> None:
        """Moderators: cap the whole server."""
        await ensure_moderator(interaction)
        capped = await self.bot.services.quotas.cap(
            act_of(interaction), THE_SERVER, quotas.measure_of(limit), read_amount(amount, CAP)
        )
        await tell(interaction, quotas.capped_text(capped))

    @app_commands.command()
    @app_commands.describe(
        credits="How many",
        member="To whom; the server if left out",
        lasts=f"{_SPAN}; until used up if left out",
        reason=_REASON,
    )
    async def grant(
        self,
        interaction: discord.Interaction[Kinora],
        credits: Credits,  # noqa: A002 - the option's name
        member: Person | None = None,
        lasts: Span | None = None,
        reason: Reason | None = None,
    ) -> None:
        """Moderators: give a member or the server credits on top of their caps."""
        await ensure_moderator(interaction)
        act, subject = act_of(interaction, reason), subject_of(interaction, member, otherwise=THE_SERVER)
        lasts_ms = read_span_ms(lasts) if lasts else None
        granted = await self.bot.services.quotas.grant(act, subject, credits, lasts_ms=lasts_ms)
        await tell(interaction, quotas.granted_text(granted, act.why) + quotas.absent(member))

    @app_commands.command()
    @app_commands.describe(
        member="Whose use is reset",
        channel="Or of which channel; leave both empty for the server",
        reason=_REASON,
    )
    async def reset(
        self,
        interaction: discord.Interaction[Kinora],
        member: Person | None = None,
        channel: Place | None = None,
        reason: Reason | None = None,
    ) -> None:
        """Moderators: count what was used this day, week and month as nothing."""
        await ensure_moderator(interaction)
        act = act_of(interaction, reason)
        subject = subject_of(interaction, member, channel=channel, otherwise=THE_SERVER)
        reset = await self.bot.services.quotas.reset(act, subject)
        await tell(interaction, quotas.reset_text(reset, act.why) + quotas.absent(member))

    @app_commands.command()
    @app_commands.describe(
        member="Who", lasts=f"{_SPAN}; until unblocked if left out", reason="Why; the member is told"
    )
    async def block(
        self,
        interaction: discord.Interaction[Kinora],
        member: Person,
        lasts: Span | None = None,
        reason: Reason | None = None,
    ) -> None:
        """Moderators: keep a member from making clips."""
        await ensure_moderator(interaction)
        act, lasts_ms = act_of(interaction, reason), read_span_ms(lasts) if lasts else None
        barred = await self.bot.services.quotas.block(act, member_id(member), lasts_ms=lasts_ms)
        await tell(interaction, quotas.barred_text(barred, act.why) + quotas.absent(member))

    @app_commands.command()
    @app_commands.describe(member="Who", reason=_REASON)
    async def unblock(
        self, interaction: discord.Interaction[Kinora], member: Person, reason: Reason | None = None
    ) -> None:
        """Moderators: let a member make clips again."""
        await ensure_moderator(interaction)
        act = act_of(interaction, reason)
        barred = await self.bot.services.quotas.unblock(act, member_id(member))
        await tell(interaction, quotas.barred_text(barred, act.why) + quotas.absent(member))

    @app_commands.command()
    @app_commands.describe(
        model="Which", credits_per_second="A number, 0 if it is free, or default for the catalogue's price"
    )
    @app_commands.autocomplete(model=quotas.models)
    async def price(
        self, interaction: discord.Interaction[Kinora], model: ModelName, credits_per_second: Amount
    ) -> None:
        """Moderators: set what a second of a model costs in this server."""
        await ensure_moderator(interaction)
        price = read_amount(credits_per_second, PRICE)
        priced = await self.bot.services.quotas.price(act_of(interaction), model.strip(), price)
        await tell(interaction, quotas.priced_text(priced))

    @app_commands.command()
    @app_commands.describe(
        member="Only what is for or by this member", kind="Only this", csv="As a file for a spreadsheet"
    )
    @app_commands.choices(kind=ledger.KIND_CHOICES)
    async def log(
        self,
        interaction: discord.Interaction[Kinora],
        member: Person | None = None,
        kind: str | None = None,
        csv: bool = False,  # noqa: FBT001, FBT002 - an option
    ) -> None:
        """Moderators: see who spent, granted, changed and blocked what."""
        await ensure_moderator(interaction)
        wanted, guild_id = ledger.lookup(member, kind), act_of(interaction).guild_id
        if csv:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await ledger.send_csv(interaction, self.bot.services.ledger, wanted)
            return
        page = await self.bot.services.ledger.newest(guild_id, wanted)
        await interaction.response.send_message(view=ledger.page_view(page), ephemeral=True)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(ledger.LedgerButton)
    await bot.add_cog(Quota(bot))
