"""A control for a list of content rules."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain import content
from bot.domain.content import RulesUnclear
from bot.language import tr, trn
from bot.services.controls import NONE, Meanings, Offer, State, Stored, Surroundings, Unfit, takes, without

_BETWEEN = " ; "
_MAX_NOTED = 40
"""Characters of rules on a line of the ledger."""


@dataclass(frozen=True, slots=True)
class RuleList:
    """Content rules as `bot.domain.content` has them; the column holds their text."""

    are_patterns: bool
    some: str
    none: str

    @property
    def meanings(self) -> Meanings:
        """Some rules, and none."""
        typed = tr("rules with ` ; ` between them, or in the window that `/settings rules` opens")
        return (typed, tr(self.some)), without(tr(self.none))

    def kept(self, text: str) -> str | None:
        """A text with a rule a line, as the column holds it.

        Raises:
            RulesUnclear: with a sentence for each line that is wrong.
        """
        return content.tidied(text, are_patterns=self.are_patterns)

    def read(self, typed: str, around: Surroundings) -> Stored:
        """Rules that were typed on one line."""
        del around
        if typed.strip().casefold() == NONE:
            return None
        try:
            kept = self.kept(typed.replace(_BETWEEN, "\n"))
        except RulesUnclear as unclear:
            raise Unfit(tr("cannot be that. {problems}", problems=" ".join(unclear.named()))) from unclear
        if kept is None:
            raise Unfit(tr("can be {values}.", values=takes(self)))
        return kept

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """What was typed, if it is a value, with what it comes to."""
        for value in (typed, NONE) if typed.strip() else (NONE,):
            try:
                state = self.state(self.read(value, around), around)
            except Unfit:
                continue
            yield Offer(f"{state.name.strip('`')} · {state.words}", value)

    def state(self, stored: Stored, around: Surroundings) -> State:
        """How many rules there are."""
        del around
        if not isinstance(stored, str):
            return State(f"`{NONE}`", tr(self.none), NONE)
        number = content.count(stored)
        shown = trn("{number} rule", "{number} rules", number)
        named = ", ".join(content.things(stored))
        short = named if len(named) <= _MAX_NOTED else f"{named[:_MAX_NOTED]}…"
        return State(f"`{shown}`", tr(self.some), f"{number:,} rule{'s' if number > 1 else ''} ({short})")
