"""What stands in the zips that members take along: names of files, tables, and what is in there in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.db.exports import Spent
from bot.domain.exports import Entry, Plan
from bot.domain.jobs import Job, JobState
from bot.language import tr, trn
from bot.services.spreadsheets import BOM, harmless, row_of

MAX_JOBS = 10_000
_MAX_NAMED = 500
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png"}


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept of a member, gathered to be packed."""

    jobs: Sequence[Job]
    """Newest first."""
    entries: Sequence[Entry]
    """Clips and pictures, newest first."""
    gone: Sequence[str]
    """Files of jobs that are not kept any more."""
    texts: dict[str, str]
    """By the names that they get."""

    @property
    def at_ms(self) -> int:
        """When anything was asked for last."""
        return self.jobs[0].created_at_ms if self.jobs else 0


def files_of(jobs: Sequence[Job], user_id: int) -> list[tuple[str, str, int]]:
    """Name, blob and moment of every clip and picture, each once; what a moderator deleted is nobody's any more."""
    files: list[tuple[str, str, int]] = []
    seen: set[str] = set()
    for job in jobs:
        is_theirs = job.state is JobState.DONE and job.withdrawn_by in (None, user_id)
        if job.clip is not None and is_theirs:
            files.append((f"clips/{job.id}.mp4", job.clip, job.created_at_ms))
        for picture in job.request.pictures:
            if picture.blob not in seen:
                seen.add(picture.blob)
                name = _picture_name(picture.blob, picture.media_type)
                files.append((name, picture.blob, job.created_at_ms))
    return files


def _picture_name(blob: str, media_type: str) -> str:
    return f"pictures/{blob[:16]}.{_SUFFIXES[media_type]}"


def described(job: Job) -> dict[str, object]:
    """A job as its member may read it."""
    lineage = job.origin.lineage
    return {
        "job": job.id,
        "state": job.state.value,
        "asked_at": _iso(job.created_at_ms),
        "finished_at": job.finished_at_ms and _iso(job.finished_at_ms),
        "channel": str(job.origin.channel_id),
        "request": job.request.model_dump(mode="json", exclude_defaults=True),
        "pictures": [_picture_name(picture.blob, picture.media_type) for picture in job.request.pictures],
        "provider": job.provider,
        "model": job.model,
        "credits_reserved": job.credits,
        "credits_charged": job.price if job.state is JobState.DONE else 0,
        "clip": f"clips/{job.id}.mp4" if job.clip is not None and job.state is JobState.DONE else None,
        "message": job.message_id and f"{job.message_channel_id}/{job.message_id}",
        "error": job.error,
        "out_of": lineage and {"job": lineage.job_id, "how": lineage.relation.value},
    }


def table(spent: Sequence[Spent]) -> str:
    """What the books say of a member, for a spreadsheet."""
    rows = [row_of(("entry", "at_utc", "kind", "credits", "job", "provider", "reason"))]
    rows += [
        row_of(
            (
                one.id,
                _iso(one.at_ms),
                one.kind.value,
                one.credits,
                one.job_id,
                one.provider and harmless(one.provider),
                one.reason and harmless(one.reason),
            )
        )
        for one in spent
    ]
    return BOM + "".join(rows)


def readme(held: Held, plan: Plan, number: int) -> str:
    """What is in the zips, and what is not, as it stands in each of them; lines end as Notepad wants it."""
    total = len(plan.parts)
    lines = [
        tr("What Kinora keeps of you in this server."),
        "",
        trn("{number} request, newest first:", "{number} requests, newest first:", len(held.jobs)),
        tr("  jobs.json      what you asked for, with which parameters, and what came of it"),
        tr("  spending.csv   what the server's books say about you"),
        tr("  settings.json  what you chose, and caps that moderators set for you"),
        tr("  clips/         clips as they were made, by the numbers of their jobs"),
        tr("  pictures/      pictures that you sent, as they were given to providers"),
    ]
    if total > 1:
        texts = tr("The first three are in part 1.")
        lines += ["", f"{tr('This is part {number} of {total}.', number=number, total=total)} {texts}"]
    lines += _named(
        tr("Too large or too many to be packed; /job shows these:"), [one.name for one in plan.left_out]
    )
    lines += _named(tr("Not kept any more:"), held.gone)
    if len(held.jobs) >= MAX_JOBS:
        lines += [
            "",
            trn("Only the newest {number} request.", "Only the newest {number} requests.", MAX_JOBS),
        ]
    return "\r\n".join(lines) + "\r\n"


def _named(title: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    hidden = len(names) - _MAX_NAMED
    more = [trn("  and {number} more", "  and {number} more", hidden)] if hidden > 0 else []
    return ["", title, *(f"  {name}" for name in names[:_MAX_NAMED]), *more]


def _iso(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")
