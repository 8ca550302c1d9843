"""How long renders took, so that the next one can be forecast."""

from dataclasses import dataclass

from bot.db.transaction import Transaction
from bot.domain.jobs import Job
from bot.domain.polling import Forecast

_KEPT = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """Renders that take about equally long."""

    provider: str
    model: str
    quality: str
    duration_s: int

    @classmethod
    def of(cls, job: Job) -> "Kind":
        """The kind a job's render belongs to."""
        quality = job.request.quality
        return cls(job.provider, job.model, quality.value if quality else "", job.request.duration_s)


def record(job: Job, seconds: float) -> Transaction[None]:
    """Remember one finished render and forget the oldest of its kind beyond a few hundred."""
    key = _key(Kind.of(job))
    yield _INSERT, {**key, "seconds": seconds}
    yield _PRUNE, {**key, "kept": _KEPT}


def forecast(kind: Kind) -> Transaction[Forecast | None]:
    """What past renders of this kind promise; None while there are too few."""
    rows = yield _SELECT, _key(kind)
    return Forecast.of([row["seconds"] for row in rows])


def _key(kind: Kind) -> dict[str, object]:
    return {
        "provider": kind.provider,
        "model": kind.model,
        "quality": kind.quality,
        "duration_s": kind.duration_s,
    }


_SAME = "provider = :provider AND model = :model AND quality = :quality AND duration_s = :duration_s"
_INSERT = """
    INSERT INTO renders (provider, model, quality, duration_s, seconds)
    VALUES (:provider, :model, :quality, :duration_s, :seconds)
"""
_PRUNE = f"""
    DELETE FROM renders WHERE {_SAME} AND id <= coalesce((
        SELECT id FROM renders WHERE {_SAME} ORDER BY id DESC LIMIT 1 OFFSET :kept), 0)
"""  # noqa: S608 - built from a constant
_SELECT = f"SELECT seconds FROM renders WHERE {_SAME}"  # noqa: S608 - built from a constant
