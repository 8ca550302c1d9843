"""What the operator is told of draining."""

from bot.db.operation import Load
from bot.language import tr, trn
from bot.services.gate import Closure
from bot.ui.cards import PAUSES


def drain_text(load: Load) -> str:
    """What `/drain` shows, at first and as clips end."""
    waiting = trn(
        "{number} clip waits and keeps its place; what is asked for now waits behind it.",
        "{number} clips wait and keep their places; what is asked for now waits behind them.",
        load.waiting,
    )
    kept = waiting if load.waiting else tr("No clip waits; what is asked for now does.")
    back = tr("This lasts across restarts, until `/resume`.")
    if not load.running:
        done = tr("Nothing runs any more: the bot can be stopped.")
        return f"### {tr('Drained')}\n{done}\n{kept} {back}"
    running = trn(
        "{number} clip is still being made; this message says when it has ended.",
        "{number} clips are still being made; this message says when they have ended.",
        load.running,
    )
    return f"### {tr('Draining')}\n{running}\n{kept} {back}"


def still_draining_text(load: Load) -> str:
    """What `/drain` shows when Discord lets it be changed no longer."""
    running = trn("{number} clip is still being made.", "{number} clips are still being made.", load.running)
    return f"### {tr('Draining')}\n{running} {tr('`/drain` once more goes on telling how many.')}"


def resumed_text(load: Load, closure: Closure | None) -> str:
    """What `/resume` shows; `closure` is what else is in the way."""
    if closure is not None:
        return tr("The bot is no longer drained.") + f" {tr(PAUSES[closure])}"
    if not load.waiting:
        return tr("The bot is no longer drained. No clip waits.")
    return trn(
        "The bot is no longer drained. {number} waiting clip is begun in its turn.",
        "The bot is no longer drained. {number} waiting clips are begun in their turn.",
        load.waiting,
    )
