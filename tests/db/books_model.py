"""The books once more, the simple way: every sum is added up anew, and credits are taken one by one.

Nothing of `bot.domain.money` or `bot.db.money` is used here, so that the two can only agree by being right.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

SERVER = 0
NEVER = 10**18
DAY_MS = 86_400_000
WINDOWS = ("day", "week", "month")
ENDED = ("done", "failed", "cancelled")
"""What no place took has not: its credits stay reserved until it is claimed, or let go."""
HOLDS_SLOT = ("submitting", "rendering", "unknown")

Account = tuple[int, str, int, str]
"""Server, scope, subject, period."""
LimitKey = tuple[str, int, str]
"""Scope, subject, measure."""
Credits = list[tuple[str, int]]
"""One entry a credit: from the allowance, or from the grant of that number."""


class No(Exception):
    """What the books have to refuse, and what is left where that is said."""

    def __init__(self, kind: str, scope: str = "", left: int | None = None) -> None:
        super().__init__(kind, scope, left)
        self.said = (kind, scope, left)


@lru_cache(maxsize=100_000)
def periods(now_ms: int, zone: str) -> tuple[str, str, str]:
    """The day, the week and the month."""
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone)).date()
    year, week, _ = local.isocalendar()
    return local.isoformat(), f"{year}-W{week:02}", local.isoformat()[:7]


@lru_cache(maxsize=10_000)
def _ends_ms(day: str, place: int, zone: str) -> int:
    """When the clock shows another period for the first time; looked for, not computed."""
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo(zone))
    low = int(noon.timestamp())
    high = low + int(timedelta(days=(2, 8, 32)[place]).total_seconds())
    period = periods(low * 1000, zone)[place]
    while high - low > 1:
        middle = (low + high) // 2
        if periods(middle * 1000, zone)[place] == period:
            low = middle
        else:
            high = middle
    return high * 1000


USUAL: dict[str, Any] = {
    "time_zone": "UTC",
    "price_percent": 100,
    "pays_overrun": False,
    "confirm_above": None,
    "approval_role_id": None,
}


@dataclass
class Server:
    """What its moderators chose."""

    preferred: dict[str, Any] = field(default_factory=lambda: dict(USUAL))
    """By the columns of the table."""
    prices: dict[str, int] = field(default_factory=dict[str, int])
    limits: dict[LimitKey, int | None] = field(default_factory=dict[LimitKey, int | None])
    blocks: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def zone(self) -> str:
        return self.preferred["time_zone"]

    @property
    def percent(self) -> int:
        return self.preferred["price_percent"]


@dataclass
class Given:
    """A grant."""

    guild_id: int
    user_id: int
    credits: int
    expires_ms: int
    came_back: bool = False
    reserved: int = 0
    used: int = 0

    @property
    def left(self) -> int:
        return self.credits - self.reserved - self.used


@dataclass
class Asked:
    """A request, and what became of it."""

    guild_id: int
    user_id: int
    channel_id: int
    provider: str
    credits: int
    worth: int
    held_worth: int
    """What it was worth when it was asked for."""
    percent: int | None
    periods: tuple[str, str, str]
    member: Credits
    server: Credits
    price: int
    pays_overrun: bool
    state: str = "queued"
    is_rendered: bool = False
    cost_micro_usd: int | None = None
    kept: dict[str, int] = field(default_factory=dict[str, int])
    """What was charged in the end, by scope."""


@dataclass
class Asker:
    """Who asks, and where."""

    guild_id: int
    user_id: int
    channel_id: int
    roles: frozenset[int]
    manages: bool
    confirmed: int
    approved_by: int | None


class Books:
    """The model."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.servers: defaultdict[int, Server] = defaultdict(Server)
        self.jobs: dict[int, Asked] = {}
        self.grants: dict[int, Given] = {}
        self.forgotten: Counter[Account] = Counter()
        self.roles: dict[tuple[int, int], frozenset[int]] = {}
        """Those that members had when they were last taken on."""
        self.ledger: list[dict[str, Any]] = []

    # What counts for whom

    def caps(self, guild_id: int, user_id: int, roles: frozenset[int]) -> dict[str, int | None]:
        """A member's: of their own, else the best of their roles', else everybody's."""
        limits = self.servers[guild_id].limits
        found: dict[str, int | None] = {}
        for measure in ("day", "week", "month", "clip", "queued", "running"):
            of_roles = [limits["role", role, measure] for role in roles if ("role", role, measure) in limits]
            if ("member", user_id, measure) in limits:
                found[measure] = limits["member", user_id, measure]
            elif of_roles:
                found[measure] = None if None in of_roles else max(cap for cap in of_roles if cap is not None)
            elif ("member", 0, measure) in limits:
                found[measure] = limits["member", 0, measure]
        return found

    def caps_of(self, guild_id: int, scope: str, subject_id: int) -> dict[str, int | None]:
        """What was set for the subject itself."""
        limits = self.servers[guild_id].limits
        return {key[2]: cap for key, cap in limits.items() if key[:2] == (scope, subject_id)}

    # Sums

    def sums(self) -> tuple[Counter[Account], Counter[Account]]:
        """What is reserved and what was used, by account and period."""
        reserved: Counter[Account] = Counter()
        used: Counter[Account] = Counter()
        for job in self.jobs.values():
            held, kept = self.amounts(job), job.kept
            subjects = {"member": job.user_id, "channel": job.channel_id, "server": 0, "operator": 0}
            for scope, subject_id in subjects.items():
                for period in job.periods if scope != "operator" else job.periods[2:]:
                    account = (job.guild_id, scope, subject_id, period)
                    reserved[account] += 0 if job.state in ENDED else held[scope]
                    used[account] += kept.get(scope, 0)
        used.subtract(self.forgotten)
        return reserved, used

    @staticmethod
    def amounts(job: Asked) -> dict[str, int]:
        """What a job reserved, by scope."""
        return {
            "member": sum(source == "allowance" for source, _ in job.member),
            "server": sum(source == "allowance" for source, _ in job.server),
            "channel": job.credits,
            "operator": job.held_worth,
        }

    # Asking

    def ask(self, asker: Asker, provider: str, price: int, worth: int, percent: int | None) -> Asked:
        """What a request would take, and from where.

        Raises:
            No: and why.
        """
        server = self.servers[asker.guild_id]
        if server.blocks.get(asker.user_id, 0) > self.now_ms:
            raise No("Blocked")
        caps = self.caps(asker.guild_id, asker.user_id, asker.roles)
        self._check_queue(asker, caps)
        of_channel = self.caps_of(asker.guild_id, "channel", asker.channel_id)
        for scope, cap in (("member", caps.get("clip")), ("channel", of_channel.get("clip"))):
            if cap is not None and price > cap:
                raise No("ClipTooDear", scope)
        taken = self._take(asker, caps, of_channel, price, worth)
        may_double = server.preferred["pays_overrun"] and percent is not None
        self._check_consent(asker, server, price * 2 if may_double else price)
        now = periods(self.now_ms, server.zone)
        place = (asker.guild_id, asker.user_id, asker.channel_id)
        sides = (taken["member"], taken["server"])
        overrun = server.preferred["pays_overrun"]
        return Asked(*place, provider, price, worth, worth, percent, now, *sides, price, overrun)

    def take_on(self, number: int, job: Asked, asker: Asker) -> None:
        """Reserve it."""
        for _, grant_id in grants_in((*job.member, *job.server)):
            self.grants[grant_id].reserved += 1
        self.jobs[number] = job
        if asker.approved_by is None or (asker.guild_id, asker.user_id) not in self.roles:
            self.roles[asker.guild_id, asker.user_id] = asker.roles
        by_id = asker.approved_by or asker.user_id
        amounts = self.amounts(job)
        self.enter(number, "reserve", by_id=by_id, amounts=amounts, credits_=job.credits, worth=job.worth)

    def _check_queue(self, asker: Asker, caps: dict[str, int | None]) -> None:
        if 0 in (caps.get("running"), self.caps_of(asker.guild_id, "server", 0).get("running")):
            raise No("TooManyQueued")
        most = caps.get("queued")
        waiting = [job for job in self.of_member(asker.guild_id, asker.user_id) if job.state == "queued"]
        if most is not None and len(waiting) >= most:
            raise No("TooManyQueued")

    def _check_consent(self, asker: Asker, server: Server, at_worst: int) -> None:
        most, role_id = server.preferred["confirm_above"], server.preferred["approval_role_id"]
        if most is not None and at_worst > max(most, asker.confirmed):
            raise No("Unconfirmed")
        needs_word = role_id is not None and role_id not in asker.roles
        if needs_word and not asker.manages and asker.approved_by is None:
            raise No("Unapproved")

    def _take(
        self,
        asker: Asker,
        caps: dict[str, int | None],
        of_channel: dict[str, int | None],
        price: int,
        worth: int,
    ) -> dict[str, Credits]:
        guild_id = asker.guild_id
        reserved, used = self.sums()
        sides = {
            "member": (asker.user_id, caps, price),
            "channel": (asker.channel_id, of_channel, price),
            "server": (0, self.caps_of(guild_id, "server", 0), price),
            "operator": (0, self.caps_of(guild_id, "operator", 0), worth),
        }
        return {
            scope: self._take_one_by_one((guild_id, scope, subject_id), side_caps, amount, reserved + used)
            for scope, (subject_id, side_caps, amount) in sides.items()
        }

    def _take_one_by_one(
        self,
        whose: tuple[int, str, int],
        caps: dict[str, int | None],
        amount: int,
        gone: Counter[Account],
    ) -> Credits:
        """Lay out every credit there is with its last moment, and take the first of them."""
        guild_id, scope, subject_id = whose
        zone = self.servers[guild_id].zone
        now = periods(self.now_ms, zone)
        left: list[int] = []
        ends: list[int] = []
        for place, window in enumerate(WINDOWS):
            cap = caps.get(window)
            if cap is not None:
                left.append(max(0, cap - gone[(*whose, now[place])]))
                ends.append(_ends_ms(now[0], place, zone))
        if not left:
            return [("allowance", 0)] * amount
        owner = {"member": subject_id, "server": SERVER}.get(scope)
        heap = [(min(ends), 0, "allowance", 0)] * min(left)
        for number, grant in self.grants.items():
            if (grant.guild_id, grant.user_id) == (guild_id, owner) and grant.expires_ms > self.now_ms:
                heap += [(grant.expires_ms, number, "grant", number)] * grant.left
        if len(heap) < amount:
            raise No("QuotaExceeded", scope, len(heap))
        return [(source, number) for _, _, source, number in sorted(heap)[:amount]]

    # Afterwards

    def of_member(self, guild_id: int, user_id: int) -> list[Asked]:
        return [job for job in self.jobs.values() if (job.guild_id, job.user_id) == (guild_id, user_id)]

    def running(self, guild_id: int, user_id: int | None = None) -> int:
        """Clips that hold a slot."""
        theirs = [job for job in self.jobs.values() if job.guild_id == guild_id and job.state in HOLDS_SLOT]
        return sum(user_id in (None, job.user_id) for job in theirs)

    def may_run(self, job: Asked) -> bool:
        """Whether the caps of today let a waiting job start."""
        roles = self.roles[job.guild_id, job.user_id]
        own = self.caps(job.guild_id, job.user_id, roles).get("running")
        servers = self.caps_of(job.guild_id, "server", 0).get("running")
        if own is not None and self.running(job.guild_id, job.user_id) >= own:
            return False
        return servers is None or self.running(job.guild_id) < servers

    def rendered(self, job: Asked, cost_micro_usd: int | None) -> None:
        """The clip is there, and its provider may say what it took."""
        job.state, job.is_rendered = "fetching", True
        if cost_micro_usd is None:
            return
        job.cost_micro_usd = cost_micro_usd
        if job.percent is not None:
            job.price = -(-cost_micro_usd * job.percent // 1_000_000)
            job.price = min(job.price, job.credits * (2 if job.pays_overrun else 1))

    def end(self, number: int, state: str, *, comes_back: bool = True) -> None:
        """Settle or refund; what comes back to a grant that has expired is a new one for a day."""
        job = self.jobs[number]
        job.state = state
        is_done = state == "done"
        held = self.amounts(job)
        charged = job.price if is_done else 0
        member = self._give_back(number, job.member, charged, comes_back=comes_back)
        server = self._give_back(number, job.server, charged, comes_back=comes_back)
        worth = job.worth if job.cost_micro_usd is None else -(-job.cost_micro_usd // 10_000)
        worth = worth if job.is_rendered else 0
        job.kept = {"member": member, "server": server, "channel": charged, "operator": worth}
        self.enter(
            number,
            "settle" if is_done else "refund",
            by_id=0,
            amounts=job.kept if is_done else held,
            credits_=charged if is_done else job.credits,
            worth=worth,
        )

    def _give_back(self, number: int, taken: Credits, charged: int, *, comes_back: bool) -> int:
        """Keep what was taken first, as it is lost first; returns what stays with the allowance."""
        for _, grant_id in grants_in(taken):
            self.grants[grant_id].reserved -= 1
        for _, grant_id in grants_in(taken[:charged]):
            self.grants[grant_id].used += 1
        back = Counter(grant_id for _, grant_id in grants_in(taken[charged:]))
        comes_back = comes_back and self.jobs[number].state != "cancelled"
        for grant_id in back:
            grant = self.grants[grant_id]
            if grant.expires_ms <= self.now_ms and not grant.came_back and comes_back:
                reason = f"came back from job {number} after they had expired"
                until_ms = self.now_ms + DAY_MS
                given = self.give(
                    grant.guild_id, grant.user_id, back[grant_id], until_ms, by_id=0, reason=reason
                )
                self.grants[given].came_back = True
        return charged - len(grants_in(taken[:charged]))

    def give(
        self, guild_id: int, user_id: int, credits_: int, expires_ms: int, *, by_id: int, reason: str | None
    ) -> int:
        """A grant; returns its number."""
        number = len(self.grants) + 1
        self.grants[number] = Given(guild_id, user_id, credits_, expires_ms)
        self._row(
            guild_id, "grant", user_id=user_id, by_id=by_id, reason=reason, credits=credits_, grant_id=number
        )
        return number

    def reset(self, guild_id: int, scope: str, subject_id: int, *, by_id: int, reason: str) -> dict[str, int]:
        """Forget what was used in the present periods; returns how much, by window."""
        _, used = self.sums()
        now = periods(self.now_ms, self.servers[guild_id].zone)
        forgotten: dict[str, int] = {}
        for window, period in zip(WINDOWS, now, strict=True):
            account = (guild_id, scope, subject_id, period)
            if gone := used[account]:
                forgotten[window] = gone
                self.forgotten[account] += gone
                whom: dict[str, Any] = {
                    "member": {"user_id": subject_id, "allowance": -gone},
                    "server": {"user_id": 0, "budget": -gone},
                    "channel": {"user_id": 0, "channel_id": subject_id},
                }[scope]
                known = {"credits": -gone, window: period, **whom}
                self._row(guild_id, "adjust", by_id=by_id, reason=reason, **known)
        return forgotten

    def enter(
        self, number: int, kind: str, *, by_id: int, amounts: dict[str, int], credits_: int, worth: int
    ) -> None:
        job = self.jobs[number]
        day, week, month = job.periods
        self._row(
            job.guild_id,
            kind,
            user_id=job.user_id,
            by_id=by_id,
            job_id=number,
            channel_id=job.channel_id,
            provider=job.provider,
            credits=credits_,
            allowance=amounts["member"],
            budget=amounts["server"],
            worth=worth,
            cost_micro_usd=job.cost_micro_usd,
            day=day,
            week=week,
            month=month,
        )

    def _row(self, guild_id: int, kind: str, **known: object) -> None:
        nothing: dict[str, Any] = dict.fromkeys(("job_id", "grant_id", "channel_id", "provider", "reason"))
        nothing |= {"cost_micro_usd": None, "at_ms": self.now_ms}
        nothing |= dict.fromkeys(("credits", "allowance", "budget", "worth"), 0) | dict.fromkeys(WINDOWS, "")
        self.ledger.append(nothing | {"guild_id": guild_id, "kind": kind, **known})


def grants_in(credits_: Iterable[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    return [credit for credit in credits_ if credit[0] == "grant"]
