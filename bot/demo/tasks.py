"""Clips that were ordered from the practice vendor, as it tells of them.

Public source: Kling API, query task.
"""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.demo.orders import Order
from bot.domain.requests import Task as Kind


class Status(StrEnum):
    """How far a task is (Kling API, query task)."""

    SUBMITTED = "submitted"
    PROCESSING = "processing"
    SUCCEED = "succeed"
    FAILED = "failed"


@dataclass(eq=False)
class Task:
    """A clip that was ordered and taken."""

    id: str
    kind: Kind
    order: Order
    will_fail: bool
    created_at_ms: int
    status: Status = Status.SUBMITTED
    reason: str = ""
    has_moved: asyncio.Event = field(default_factory=asyncio.Event)

    def payload(self, **more: Any) -> dict[str, Any]:
        """What is said of it."""
        return {
            "task_id": self.id,
            "task_status": self.status.value,
            "task_info": {"external_task_id": self.order.key},
            "created_at": self.created_at_ms,
            "updated_at": self.created_at_ms,
            **more,
        }
