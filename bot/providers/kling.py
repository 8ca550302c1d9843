"""Kling's own API, and kkiai.com, which speaks the same protocol in front of it.

A clip is made by `POST /v1/videos/image2video` or `/text2video` and asked about under the same path. Public
sources: Kling API, "Image to Video", "Text to Video", "General Information", "Error Codes"; docs.kkiai.com,
image to video, text to video, query a task.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog

from bot.domain.models import ModelSpec
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Fence,
    NoSuchTask,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Spent,
    Submission,
    Unknown,
    open_fence,
)
from bot.domain.requests import (
    Task,
)
from bot.providers import curl
from bot.providers import kling_answers as answers
from bot.providers.download import Downloads
from bot.providers.http import Account, Call, Cut, Reply, Unsent, not_arrived
from bot.providers.kling_answers import Stage, Trouble
from bot.providers.kling_calls import KINDS, Flavour, create_call, query_call
from bot.providers.kling_signing import TOKEN_BY_SHELL, Signer
from bot.providers.words import sentence

log = structlog.stdlib.get_logger(__name__)

_LINK_COMES_S = 30.0
_LINK_COMES_WITHIN_MS = 180_000

_MARKED = "+watermark"


class KlingProvider:
    """One account at Kling or kkiai."""

    recovery = Recovery.LOOK_UP
    is_full = False

    def __init__(self, account: Account, *, flavour: Flavour, downloads: Downloads, concurrency: int) -> None:
        self.name = flavour.name
        self.concurrency = concurrency
        self._account = account
        self._flavour = flavour
        self._downloads = downloads
        self._without_link_ms: dict[str, int] = {}

    def preview(self, submission: Submission) -> str:
        """The create, as cURL; where a pair of keys signs in, after the commands that make a token of it."""
        is_signing = isinstance(self._account.sign_in, Signer)
        variable = "KLING_TOKEN" if is_signing else self._flavour.key_variable
        create = curl.commands(
            [create_call(submission, self._flavour)],
            base_url=self._account.base_url,
            secret_headers={"Authorization": f"Bearer ${variable}"},
            inputs=submission.inputs,
        )
        return f"{TOKEN_BY_SHELL}\n\n{create}" if is_signing else create

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """Ask for the clip, once; once more only where the first was refused for an old token."""
        try:
            reply = await self._ask(
                create_call(submission, self._flavour), submission.inputs, fence=submission.fence
            )
        except Unsent as fault:
            return not_arrived(fault)
        except Cut as fault:
            return Unknown(str(fault))
        trouble, task_id = answers.trouble_of(reply), answers.id_of(reply)
        if trouble is not None:
            self._log_trouble(
                "create not taken", reply, trouble, attempt=submission.key, model=submission.spec.id
            )
            return self._refused(trouble)
        if task_id is None:
            return Unknown(f"{self._flavour.title} answered {reply.status} without the id of a task.")
        request = submission.request
        return Accepted(_task_id(request.task, task_id, watermark=request.watermark))

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted | Absent | Unknown:
        """Find a task by `key`, which every create carries as `external_task_id`.

        Kling itself takes that as a name for the task wherever it takes an id, so what it does not know does not
        exist: `Absent`, and the clip may be ordered again. Only its own code for that counts, no bare 404.

        At kkiai this is documented for text to video only, and gateways of its kind keep no index of such keys. A
        task that is found there is ours; one that is not may exist all the same and would be paid for twice if
        it were ordered again. So it is `Unknown`, for as long as a clip can take, and then given up.
        """
        del spec
        reply = await self._ask(query_call(KINDS[task], key))
        trouble, task_id = answers.trouble_of(reply), answers.id_of(reply)
        if trouble is not None:
            return self._not_found(reply, trouble)
        named, has_failed = answers.key_of(reply), answers.stage_of(reply) is Stage.FAILED
        is_ours = named == key or (
            named is None and not has_failed
        )  # the failure may be that of the question
        if task_id is None or not is_ours:
            return Unknown(
                f"{self._flavour.title} answered {reply.status} without the task that was asked for."
            )
        return Accepted(_task_id(task, task_id, watermark=answers.has_watermark(reply)))

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """Ask how far the task is.

        One that is not known may have been made only just now, so that is a fault. So is an answer about another
        task, and a failure of one that is not named: a task that failed is refunded, so it has to be this one.
        """
        kind, vendors_id, _ = _parted(task_id)
        reply = await self._ask(query_call(kind, vendors_id))
        trouble, stage, ids = answers.trouble_of(reply), answers.stage_of(reply), answers.ids_of(reply)
        if trouble is not None:
            self._log_trouble("task not told", reply, trouble, task=task_id)
            raise self._fault(trouble)
        if ids and vendors_id not in ids:
            log.warning("told about another task", provider=self.name, task=task_id, told=sorted(ids))
            raise ProviderFault(f"{self._flavour.title} answers about another task.")
        match stage:
            case Stage.DONE:
                return self._finished(task_id, reply)
            case Stage.FAILED if ids:
                reason = answers.failure_of(reply)
                log.warning("task failed", provider=self.name, task=task_id, reason=reason)
                return Failed(sentence(f"{self._flavour.title} could not make this clip", reason))
            case Stage.WAITING:
                return Pending(answers.progress_of(reply))
            case Stage.STRANGE:
                words = [word[:100] for word in answers.status_words(reply)]
                log.warning("status not known", provider=self.name, task=task_id, status=words)
                return Pending(answers.progress_of(reply))
            case _:
                raise ProviderFault(f"{self._flavour.title} says nothing about the task's status.")

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the finished clip from wherever it lies."""
        return self._downloads.open(result)

    async def cancel(self, task_id: str) -> bool:
        """The API has no way to stop a task."""
        del task_id
        return False

    async def close(self) -> None:
        """Nothing is held."""

    async def _ask(
        self, call: Call, inputs: Mapping[str, Path] | None = None, *, fence: Fence = open_fence
    ) -> Reply:
        """Send a request; one that was refused for its token certainly did nothing and is sent with a new one."""
        reply = await self._account.send(call, inputs=inputs, fence=fence)
        trouble, signer = answers.trouble_of(reply), self._account.sign_in
        if trouble is None or trouble.code not in answers.EXPIRED or not isinstance(signer, Signer):
            return reply
        self._log_trouble("token refused, signing anew", reply, trouble)
        signer.renew()
        return await self._account.send(call, inputs=inputs, fence=fence)

    def _refused(self, trouble: Trouble) -> Rejected | Unknown:
        title, why = self._flavour.title, trouble.refusal
        match why:
            case None:
                doubt = f"{title} answered {trouble.status} without saying whether it took the job"
                return Unknown(sentence(doubt, trouble.words))
            case Refusal.BUSY:
                return Rejected(f"{title} takes no more clips right now.", why, retry_after_s=trouble.busy_s)
            case Refusal.PAYMENT:
                return Rejected(f"The operator's account at {title} has no credit left.", why)
            case Refusal.ACCOUNT:
                return Rejected(f"The operator's account at {title} may not be used for this.", why)
            case Refusal.MODERATION:
                return Rejected(sentence(f"{title} does not allow this content", trouble.words), why)
            case _:
                return Rejected(sentence(_unsuitable(title, trouble), trouble.words), why)

    def _not_found(self, reply: Reply, trouble: Trouble) -> Absent | Unknown:
        if trouble.code == answers.NOT_FOUND and self._flavour.knows_keys:
            return Absent()
        self._log_trouble("attempt not found", reply, trouble)
        if trouble.refusal is Refusal.INPUT:
            return Unknown(f"{self._flavour.title} does not show the attempt.")
        raise self._fault(trouble)

    def _fault(self, trouble: Trouble) -> ProviderFault:
        what = f"{self._flavour.title} answers {trouble.status} (code {trouble.code}) about a task"
        kind = NoSuchTask if trouble.refusal is Refusal.INPUT else ProviderFault
        return kind(sentence(what, trouble.words))

    def _finished(self, task_id: str, reply: Reply) -> Ready | Pending | Failed:
        link = answers.link_of(reply, watermark=_parted(task_id)[2])
        if link is not None:
            self._without_link_ms.pop(task_id, None)
            return Ready(link, self._spent(reply))
        now_ms = self._account.now_ms()
        if now_ms < self._without_link_ms.setdefault(task_id, now_ms) + _LINK_COMES_WITHIN_MS:
            return Pending(ask_again_s=_LINK_COMES_S)
        del self._without_link_ms[task_id]
        log.error("finished without a link: may have been charged", provider=self.name, task=task_id)
        return Failed(f"{self._flavour.title} finished the clip but gave no link to it.")

    def _spent(self, reply: Reply) -> Spent | None:
        units, price = answers.units_of(reply), self._flavour.unit_usd
        if units is None:
            return None
        return Spent(units, "unit", units * price if price is not None else None)

    def _log_trouble(self, event: str, reply: Reply, trouble: Trouble, **about: str) -> None:
        log.warning(
            event,
            provider=self.name,
            status=trouble.status,
            code=trouble.code,
            words=trouble.words,
            request=str(reply.find("request_id"))[:100],
            **about,
        )


def _task_id(task: Task, vendors_id: str, *, watermark: bool) -> str:
    """The vendor's id, with what is needed to ask for it and to choose among its links."""
    return f"{KINDS[task]}{_MARKED if watermark else ''}/{vendors_id}"


def _parted(task_id: str) -> tuple[str, str, bool]:
    """Kind, vendor's id, and whether the clip is wanted with its watermark."""
    kind, _, vendors_id = task_id.partition("/")
    return kind.removesuffix(_MARKED), vendors_id, kind.endswith(_MARKED)


def _unsuitable(title: str, trouble: Trouble) -> str:
    if trouble.code == answers.NOT_FOUND:
        return f"{title} does not offer this model for such a clip"
    if trouble.status == 413:  # noqa: PLR2004
        return f"The pictures are too large for {title}"
    return f"{title} does not accept this request"
