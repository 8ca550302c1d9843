"""What may go wrong with Discord itself, as switches in the page's drawer.

Whoever has the page may turn them, whoever they are there, and for threads that they do not see as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.sandbox.actions import threads
from bot.sandbox.faults import Action, Answer, Drop, Faults
from bot.sandbox.gateway.serving import Gateway
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.guilds import MIB, Guild
from bot.sandbox.page.backstage import Choice, Description, Group, Switch
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.world import World

_SOME = 5
_SMALL_BYTES = MIB
_FINE = "fine"


@dataclass(frozen=True, slots=True)
class _Mood:
    """A way in which Discord's API may be out of order."""

    label: str
    action: Action | None = None
    times: int | None = None
    """None until it is switched off."""


_MOODS = {
    _FINE: _Mood("Works"),
    "some_503": _Mood(f"Answers 503 to the next {_SOME} requests", Answer(503), _SOME),
    "503": _Mood("Answers 503 to everything", Answer(503)),
    "drop_before": _Mood("Hangs up before anything happens", Drop()),
    "drop_after": _Mood("Does what it is asked, then hangs up", Drop(after_effect=True)),
}
_FILES = "/cdn"
"""Pictures on the page come from there as well."""


@dataclass(eq=False)
class DiscordFaults:
    """What may go wrong with Discord itself. It is the weather that `Faults` asks about."""

    world: World
    faults: Faults
    gateway: Gateway
    changed: Callable[[], None] = lambda: None
    _mood: str = _FINE
    _left: int | None = None
    _limits: dict[int, int] = field(default_factory=dict[int, int])
    """What files might have before the limit was lowered, by guild."""

    def describe(self) -> Description:
        """Its switches."""
        return Description((Group("Discord", (*self._of_the_api(), *self._of_the_thread())),))

    async def set(self, switch: str, value: object) -> None:
        """Turn one of them.

        Raises:
            ClientRefused, Refusal: there is no such thread any more, or it is archived.
        """
        match switch:
            case "discord.api":
                self._be(str(value))
            case "discord.gateway":
                self.gateway.cut()
            case "discord.small_files":
                self._limit_files(is_small=bool(value))
            case _:
                self._change_thread(switch, self._thread(str(value)))

    def _of_the_api(self) -> Sequence[Switch]:
        is_ours = self.faults.weather == self._weather
        return (
            Switch(
                name="discord.api",
                label="Discord's API",
                promise="The bot tries again, loses nothing that it has confirmed, and posts nothing twice.",
                value=self._mood if is_ours else _FINE,
                choices=tuple(Choice(name, mood.label) for name, mood in _MOODS.items()),
            ),
            Switch(
                name="discord.gateway",
                label="Break the connection to the gateway",
                promise="The bot comes back by itself and hears what it has missed.",
            ),
            Switch(
                name="discord.small_files",
                label="Files may have 1 MB at most",
                promise="A clip that is too large is made smaller, and its original is kept.",
                value=bool(self._limits),
            ),
        )

    def _of_the_thread(self) -> Sequence[Switch]:
        return (
            Switch(
                name="thread.archive",
                label="Archive this thread",
                promise="A post opens it again: the clip still comes here.",
                acts_on_thread=True,
            ),
            Switch(
                name="thread.lock",
                label="Lock this thread",
                promise="A clip that may not be posted here goes to the channel above.",
                acts_on_thread=True,
            ),
            Switch(
                name="thread.delete",
                label="Delete this thread",
                promise="A clip that has lost its thread is posted in the channel, once.",
                acts_on_thread=True,
            ),
        )

    def _be(self, mood: str) -> None:
        self._mood, self._left = mood, _MOODS[mood].times
        self.faults.weather = None if mood == _FINE else self._weather

    def _weather(self, _method: str, route: str) -> Action | None:
        if route == _FILES:
            return None
        action = _MOODS[self._mood].action
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._be(_FINE)
                self.changed()
        return action

    def _limit_files(self, *, is_small: bool) -> None:
        if not is_small:
            for guild_id, limit in self._limits.items():
                self.world.guilds[guild_id].set_upload_limit(limit)
            self._limits.clear()
            return
        for guild in self.world.guilds.values():
            self._limits.setdefault(guild.id, guild.upload_limit)
            guild.set_upload_limit(min(guild.upload_limit, _SMALL_BYTES))

    def _thread(self, channel_id: str) -> Channel:
        found = self.world.hub.channels.get(int(channel_id))
        if found is None or not found.is_thread:
            raise ClientRefused("This is no thread: open the one that is meant.")
        return found

    def _change_thread(self, switch: str, thread: Channel) -> None:
        guild = self.world.guild_of(thread)
        assert isinstance(guild, Guild)
        if switch == "thread.delete":
            guild.remove_channel(thread)
        else:
            threads.change(
                self.world, thread, guild.owner, {"locked" if switch == "thread.lock" else "archived": True}
            )
