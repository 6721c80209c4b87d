"""What happened, in words for the screen."""

from __future__ import annotations

from app.domain.labelling import LabelState
from app.labelling import Added, Difference, Helped, Joined


def pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures".replace(",", "\u202f")


def added_words(added: Added) -> tuple[str, str]:
    """(words, kind of notice) about an import."""
    parts = [f"{pictures(len(added.new))} taken in"]
    if added.alike:
        parts.append(f"{len(added.alike)} of them look like others and were left out")
    if added.known:
        parts.append(f"{len(added.known)} were here already")
    words = ", ".join(parts) + "."
    if added.refused:
        more = f" And {len(added.refused) - 1} more like it." if len(added.refused) > 1 else ""
        words += f" {len(added.refused)} could not be used: {added.refused[0]}{more}"
    return words, "bad" if added.refused else "mention"


def helped_words(helped: Helped) -> str:
    words = (
        f"Sorted {pictures(helped.judged)}: {helped.normal} look good, {helped.anomaly} look defective, "
        f"{helped.doubtful} are doubtful and come first now. Confirm the sure ones a page at a time, at the left."
    )
    return words + (f" {helped.suspicious} labels seem wrong: look at them at the left." if helped.suspicious else "")


def joined_words(joined: Joined) -> tuple[str, str]:
    words = f"{pictures(joined.new)} new, {joined.updated} brought up to date, {joined.same} the same."
    if joined.conflicts:
        words += f" {joined.conflicts} were labelled differently here and there: choose below."
    if joined.problems:
        words += f" {len(joined.problems)} could not be joined: {joined.problems[0]}"
    return words, "bad" if joined.problems else "mention"


def difference_words(told: Difference) -> str:
    parts = [
        f"{len(names)} {what}"
        for names, what in (
            (told.added, "new"),
            (told.removed, "no longer in"),
            (told.relabelled, "labelled anew"),
            (told.redrawn, "with another mask"),
            (told.resplit, "in another split"),
        )
        if names
    ]
    return ", ".join(parts) if parts else "nothing changed"


def state_words(state: LabelState) -> str:
    """What a state says, in one line."""
    what = {"normal": "Good", "anomaly": ", ".join(state.types) or "Defect", None: "Not labelled"}[state.label]
    parts = [what]
    if state.mask:
        parts.append("drawn")
    if state.split:
        parts.append("training" if state.split == "train" else "testing")
    if state.aside:
        parts.append("left out")
    return ", ".join(parts)
