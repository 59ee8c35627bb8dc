"""Which names are past participles."""

from __future__ import annotations

TERMS = {
    "normalised": "a row or a score is normalised: the literature's word for what it is then",
    "normalized": "the same, as NumPy and scikit-learn spell it",
    "weighted": "a weighted sum or distance",
    "unsigned": "the kind of number",
    "bound": "a lower bound is a noun",
}
"""Words of the field that may end a name, with the reason."""

_PARTICLES = """
    of by to from out in into for with at on onto off up down over under through between as
    again anew apart aside away back together
"""
PARTICLES = frozenset(_PARTICLES.split())
QUESTIONS = frozenset(("is", "are", "was", "were", "has", "have", "can", "may", "must", "should"))

_NOT_ED = frozenset(("embed", "hundred", "infrared", "naked", "sacred", "shed", "sled"))
_EED = frozenset(("agreed", "decreed", "freed", "guaranteed", "refereed"))
_PREFIXES = ("un", "re", "mis", "over", "out", "under", "fore", "with", "be")
_FORMS = """
    arisen asked awoken beaten begun bent bitten bled blown born borne bought bred broken brought built burnt
    caught chosen clung crept dealt done drawn dreamt driven drunk dug eaten fallen fed felt fled flown flung forbidden
    forgiven forgotten fought found frozen given gone got gotten grown heard held hidden hung kept knelt known laid
    lain leant learnt led left lent lit lost made meant met mistaken mown paid proven ridden risen rung said sawn seen
    sent sewn shaken shone shown shrunk slain slept slid slung smelt sold sought sown spelt spent spilt spoilt spoken
    sprung spun stolen stood struck strung stuck stung sung sunk swept swollen sworn swum swung taken taught thought
    thrown told torn trodden understood woken won worn wound woven wept written wrung bound
"""
_IRREGULAR = frozenset(_FORMS.split())


def is_participle(word: str) -> bool:
    """Whether a word is a past participle and nothing else that code is named by."""
    word = word.lower().rstrip("0123456789")
    if word in _IRREGULAR or any(word.removeprefix(start) in _IRREGULAR for start in _PREFIXES):
        return True
    if word.endswith("eed"):
        return word.removeprefix("un") in _EED
    return word.endswith("ed") and len(word) > 3 and word not in _NOT_ED


def ends_in_participle(name: str) -> bool:
    """Whether a function is named by a participle alone, or by one at its end."""
    words = _words(name)
    return bool(words) and words[0] not in QUESTIONS and words[-1] not in TERMS and is_participle(words[-1])


def begins_with_participle(name: str) -> bool:
    """Whether a participle stands before a noun, as in `skipped_files`."""
    words = _words(name)
    return len(words) > 1 and is_participle(words[0]) and not is_participle(words[-1])


def _words(name: str) -> list[str]:
    """The words of a name without the particles at its end."""
    words = [word.rstrip("0123456789") or word for word in name.lower().split("_") if word]
    while words and words[-1] in PARTICLES:
        words.pop()
    return words
