"""The log channel hears of its server's budget."""

from bot.app import running
from bot.db import guilds, limits
from bot.domain.limits import EVERYBODY, Limit, Measure
from bot.domain.money import Scope
from tests.e2e.scenes import Bot, Scene
from tests.held import held


async def test_the_log_channel_hears_that_the_budget_runs_out_and_nobody_is_mentioned(scene: Scene) -> None:
    moderators = scene.guild.add_channel("moderators")
    settings = scene.settings.model_copy(
        update={"default_guild_monthly_credits": 11, "default_user_daily_credits": None}
    )
    async with held(running(settings)) as app:
        await scene.application.ready()
        chosen = {"log_channel_id": moderators.id, "logs_requests": 0}
        await app.db.write(guilds.prefer(scene.guild.id, chosen, defaults=settings.default_limits))
        for prompt in ("a boat", "a gull"):
            await (await scene.mia.slash("video", scene.channel, prompt=prompt)).response()
        first = await moderators.next_message(lambda message: "80 %" in message.text, since=0)
        assert "of 11 credits" in first.text
        refused = await (await scene.mia.slash("video", scene.channel, prompt="a crab")).response()
        assert "This clip costs 5 credits. This server has 1 credit left this month" in refused.text
        raised = Limit(Scope.SERVER, EVERYBODY, Measure.MONTH, 15)
        await app.db.write(limits.put(scene.guild.id, raised))
        await (await scene.mia.slash("video", scene.channel, prompt="a crab")).response()
        last = await moderators.next_message(lambda message: "is used up" in message.text, since=first)
        assert "Clips that cost more than the 0 left are refused until then." in last.text
        assert not [*first.mentions.users, *last.mentions.users]
        assert len(moderators.messages) == 2
        assert await Bot(app).is_sound()
