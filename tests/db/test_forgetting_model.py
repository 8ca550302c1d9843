"""Members are forgotten at any moment of any history: the books add up, the lanes are right, and no name is left."""

from collections.abc import Callable, Collection, Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.db import audit, grants, jobs, lanes, privacy
from bot.domain.errors import Refused
from bot.domain.jobs import CLOSED, STEPS, TERMINAL, Job, JobState
from tests import builders
from tests.histories import DAY_MS, NOW_MS, History

MEMBERS = (1_000_001, 1_000_002)
CAPS = builders.caps(user_day=40, user_week=60, guild_month=100)

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ("ask", "ask", "admit", "go on", "go on", "end", "forget", "empty", "grant", "later")
        ),
        st.integers(0, 5),
    ),
    max_size=40,
)


class World:
    """A server in which two members make clips, and are forgotten now and then."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.history.write(lanes.open_pool("local"))
        self.now_ms = NOW_MS

    def do(self, step: str, number: int) -> None:
        getattr(self, f"_{step.replace(' ', '_')}")(number)

    def jobs(self, states: Iterable[JobState]) -> list[Job]:
        wanted = set(states)
        rows = self.history.rows("SELECT id FROM jobs ORDER BY id")
        found = [self.history.read(jobs.get(row["id"])) for row in rows]
        return [job for job in found if job.state in wanted]

    def _ask(self, number: int) -> None:
        asked = jobs.accept(
            builders.origin(user_id=MEMBERS[number % 2]),
            builders.request(prompt="a secret"),
            builders.choice(7 + number),
            defaults=CAPS,
            now_ms=self.now_ms,
        )
        try:
            self.history.write(asked)
        except Refused:
            return

    def _admit(self, _: int) -> None:
        self.history.write(jobs.admit("local", slots=3, now_ms=self.now_ms))

    def _go_on(self, number: int) -> None:
        self._move(number, set(JobState) - CLOSED)

    def _end(self, number: int) -> None:
        self._move(number, TERMINAL)

    def _move(self, number: int, wanted: Collection[JobState]) -> None:
        moving = self.jobs(set(JobState) - CLOSED - {JobState.QUEUED})
        if not moving:
            return
        job = moving[number % len(moving)]
        ways = sorted((STEPS[job.state] - {job.state, JobState.QUEUED}) & set(wanted))
        if ways:
            self.history.write(jobs.move(job, ways[number % len(ways)], now_ms=self.now_ms))

    def _forget(self, number: int) -> None:
        self.history.write(privacy.forget(MEMBERS[number % 2], now_ms=self.now_ms))

    def _empty(self, _: int) -> None:
        for stand_in in self.history.read(privacy.unfinished()):
            for job in self.history.read(privacy.ended(stand_in, limit=99)):
                self.history.write(privacy.empty(job, now_ms=self.now_ms))
            self.history.write(privacy.is_done(stand_in))

    def _grant(self, number: int) -> None:
        if not self.history.rows("SELECT 1 FROM guilds"):
            return
        given = grants.give(
            1,
            MEMBERS[number % 2],
            5 + number,
            expires_at_ms=self.now_ms + DAY_MS if number % 3 else None,
            by_id=MEMBERS[number // 3],
            reason=None,
            now_ms=self.now_ms,
        )
        self.history.write(given)

    def _later(self, number: int) -> None:
        self.now_ms += (number + 1) * 9 * DAY_MS
        for line in self.history.read(privacy.carried(before_ms=self.now_ms - 33 * DAY_MS, limit=99)):
            self.history.write(privacy.lapse(line))


def are_sound(world: World) -> bool:
    return world.history.read(audit.discrepancies()) == 0 and world.history.write(lanes.recount()) == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps)
def test_whenever_members_are_forgotten_the_books_add_up(
    anew: Callable[[], History], taken: list[tuple[str, int]]
) -> None:
    world = World(anew())
    taken = taken[: 40 if type(world.history) is History else 8]  # a server answers later than a library
    for step, number in taken:
        world.do(step, number)
        assert are_sound(world)
    for member in (0, 1):
        world.do("forget", member)
    for number in range(12):
        world.do("end", number)
        world.do("go on", number)
    world.do("empty", 0)
    assert are_sound(world)
    ended = world.jobs(TERMINAL)
    assert all(job.origin.user_id < 0 for job in world.jobs(JobState))
    assert all(job.request.prompt == "-" for job in ended)
    for number in range(6):
        world.do("later", number)
    assert are_sound(world)
    [left] = world.history.rows("SELECT count(*) AS n FROM ledger WHERE user_id > 0 OR by_id > 0")
    assert left["n"] == 0
