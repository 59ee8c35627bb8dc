"""What was said of the images of a set and of their copies, and how often that was right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.drawn.alterations import ALTERATIONS

ITSELF = ""


@dataclass(frozen=True)
class Answer:
    """One hit of one question."""

    image: str
    rank: int
    verdict: str
    alike: bool
    why: str


@dataclass(frozen=True)
class Question:
    """An image of a set, how it was altered before it was the query (`ITSELF`: not at all), and the hits."""

    kind: str
    image: str
    alteration: str
    answers: tuple[Answer, ...]

    @property
    def own(self) -> Answer:
        """What was said of the image itself, or of the original of the copy."""
        missing = Answer(self.image, 0, "not found", False, "")
        return next((each for each in self.answers if each.image == self.image), missing)

    @property
    def wrong(self) -> list[Answer]:
        """The other images that were called alike."""
        return [each for each in self.answers if each.alike and each.image != self.image]

    @property
    def right(self) -> bool:
        """Whether the verdict says what the image itself is, or what was done to the original."""
        wanted = ALTERATIONS[self.alteration].right if self.alteration else ("identical file",)
        return self.own.verdict in wanted


def set_row(kind: str, asked: list[Question]) -> list[str]:
    """The line of a set: what its images were called, then what their copies were called."""
    own = [each for each in asked if each.alteration == ITSELF]
    wrong = sum(len(each.wrong) for each in own)
    return [kind, str(len(own)), str(sum(each.right for each in own)), str(sum(bool(each.wrong) for each in own)),
            str(wrong), *copy_cells([each for each in asked if each.alteration])]  # fmt: skip


def copy_cells(asked: list[Question]) -> list[str]:
    """How many copies, found first, alike and with the right verdict; queries that another image was alike to."""
    counts = (
        len(asked),
        sum(each.own.rank == 1 for each in asked),
        sum(each.own.alike for each in asked),
        sum(each.right for each in asked),
        sum(bool(each.wrong) for each in asked),
    )
    return [str(each) for each in counts]


def wrong_lines(asked: list[Question]) -> list[list[str]]:
    """Wrong acceptances by set, kind of query and verdict: how many, and the first of them with its sentence."""
    found = [(each, answer) for each in asked for answer in each.wrong]
    return _group(
        ((each.kind, "a copy" if each.alteration else "itself", answer.verdict), _sentence(each, answer))
        for each, answer in found
    )


def missed_lines(asked: list[Question]) -> list[list[str]]:
    """Queries without the right verdict, by set, alteration and verdict: how many, and the first with its sentence."""
    return _group(
        ((each.kind, each.alteration or "itself", each.own.verdict), _sentence(each, each.own))
        for each in asked
        if not each.right
    )


def _sentence(asked: Question, answer: Answer) -> str:
    pair = asked.image if answer.image == asked.image else f"{asked.image} and {answer.image}"
    return f"{pair}: {answer.why}"


def _group(found: Iterable[tuple[tuple[str, str, str], str]]) -> list[list[str]]:
    groups = defaultdict[tuple[str, str, str], list[str]](list)
    for key, line in found:
        groups[key].append(line)
    return [[*key, str(len(lines)), lines[0]] for key, lines in groups.items()]


def bullets(lines: list[list[str]]) -> str:
    """A list with an item for each group."""
    items = [
        f"- **{kind}**, {query}: {count} x *{verdict}*, first {line}" for kind, query, verdict, count, line in lines
    ]
    return "\n".join(items) or "None."


def print_each(asked: list[Question]) -> None:
    """Every wrong acceptance and every copy without the right verdict, a line each."""
    for each in asked:
        about = f"{each.kind}: {each.image} {each.alteration}".strip()
        for answer in each.wrong:
            print(f"wrong   {about} -> {answer.image} {answer.verdict}: {answer.why}")
        if not each.right:
            print(f"missed  {about} rank {each.own.rank} {each.own.verdict}: {each.own.why}")
