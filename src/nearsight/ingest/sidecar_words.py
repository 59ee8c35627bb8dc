"""What one sidecar says of each image, gathered from all its entries, and what is in doubt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from nearsight.ingest.sidecar_targets import SidecarTargets
from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.image_text import ImageText
from nearsight.metadata.sidecars.claimed_text import ClaimedText
from nearsight.metadata.sidecars.fact_values import SIDECAR
from nearsight.metadata.sidecars.media_names import fold_name
from nearsight.storage.records import DoubtRecord, FactRecord, NoteRecord
from nearsight.wording import printable_text

MAX_DOUBTS = 10_000
"""Names in doubt that are listed of one sidecar; more are only counted."""


@dataclass
class _Entry:
    """What a sidecar says of one image under one name."""

    name: str
    certainty: int
    captions: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    n_texts: int = 0


class SidecarWords:
    """What one sidecar says of each image that it means, and the names that it is in doubt about.

    Attributes
    ----------
    path : of the sidecar
    n_unknown : the entries whose names mean no image
    names_images : whether the sidecar names the images that it means
    """

    def __init__(self, path: bytes) -> None:
        self.path, self.n_unknown, self.names_images = path, 0, False
        self._entries: dict[bytes, dict[str, _Entry]] = {}
        self._doubts: dict[str, str] = {}
        self._targets: SidecarTargets | None = None

    def add(self, texts: Iterable[ImageText], targets: SidecarTargets) -> None:
        """Find the images of each text; an image that two names of the sidecar mean is that of the more certain one."""
        self._targets = targets
        for text in texts:
            self.names_images |= bool(text.name or (isinstance(text, ClaimedText) and text.identifier))
            target = targets.find(self.path, text)
            if target.doubt:
                self._doubt(text.name, target.doubt)
            for image in target.images:
                self._add_to(image, text, target.certainty)
        self._refuse_rivals()

    def notes(self) -> list[NoteRecord]:
        """Captions and tags of each image, each once."""
        return [
            NoteRecord(image, self.path, "\n".join(dict.fromkeys(each.captions)), "\n".join(dict.fromkeys(each.tags)))
            for image, each in self._chosen()
            if each.captions or each.tags
        ]

    def fact_records(self) -> list[FactRecord]:
        """The facts of each image; whatever they were written as, they are from a sidecar."""
        return [
            FactRecord(image, self.path, _of_sidecar(merge_facts(each.facts)))
            for image, each in self._chosen()
            if each.facts
        ]

    def doubt_records(self) -> list[DoubtRecord]:
        """The names in doubt, each with its reason."""
        records = [
            DoubtRecord(self.path, _storable_text(name), _storable_text(reason))
            for name, reason in self._doubts.items()
        ]
        more = self.n_unknown - len(records)
        if len(records) == MAX_DOUBTS and more:
            records.append(DoubtRecord(self.path, "", f"and {more:,} more names"))
        return records

    def _add_to(self, image: bytes, text: ImageText, certainty: int) -> None:
        names = self._entries.setdefault(image, {})
        entry = names.setdefault(
            fold_name(text.name.replace("\\", "/").removeprefix("./")), _Entry(text.name, certainty)
        )
        entry.captions += text.caption.splitlines()
        entry.tags += text.tags
        entry.facts += [text.facts] if text.facts else []
        entry.n_texts += 1

    def _refuse_rivals(self) -> None:
        """Of several names that mean one image leave the most certain, or none where that is not one alone."""
        for image, names in self._entries.items():
            if len(names) < 2:
                continue
            most = max(each.certainty for each in names.values())
            best = [key for key, each in names.items() if each.certainty == most]
            for key in list(names):
                if key not in best or len(best) > 1:
                    each = names.pop(key)
                    for _ in range(each.n_texts):
                        self._doubt(each.name, f"another name of this list fits {_printable_path(image)} as well")

    def _doubt(self, name: str, reason: str) -> None:
        self.n_unknown += 1
        if len(self._doubts) < MAX_DOUBTS:
            self._doubts.setdefault(name, reason)

    def _chosen(self) -> list[tuple[bytes, _Entry]]:
        """What is said of each image; what is said of a file is also said of its further pages, unless more is."""
        chosen = [(image, each) for image, names in self._entries.items() for each in names.values()]
        if self._targets is None:
            return chosen
        pages = [(page, each) for image, each in chosen for page in self._targets.pages_of(image)]
        return chosen + [(page, each) for page, each in pages if not self._entries.get(page)]


def _of_sidecar(facts: Facts) -> Facts:
    """Facts with their source, and with names that can be shown."""
    return replace(
        facts,
        taken_from=SIDECAR if facts.taken is not None else "",
        place_from=SIDECAR if facts.latitude is not None else "",
        camera=_printable_name(facts.camera),
        lens=_printable_name(facts.lens),
        creator=_printable_name(facts.creator),
        city=_printable_name(facts.city),
        country=_printable_name(facts.country),
    )


def _printable_name(name: str | None) -> str | None:
    return printable_text(name) or None if name is not None else None


def _printable_path(path: bytes) -> str:
    return path.decode("utf8", "replace")


def _storable_text(text: str) -> str:
    """A text as the catalogue can hold it; parts of names that are no text become question marks."""
    return text.encode("utf8", "replace").decode()[:1000]
