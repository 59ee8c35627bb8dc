"""The date in a file's name, as cameras, phones, messengers and people write it. A wrong date is worse than none.

1. A date of eight digits in a row stands alone or behind a camera's prefix; what is next to it may only be a time.
2. A date with separators has them alike and names the year first; "31.05.2012" counts as no other day is possible.
3. A month needs a hyphen and a four-digit year ("1993-07", "1993-07-00") or its name ("July 1993"); a year alone is
   the whole name, begins it before a word, or stands behind a season or a feast ("1993", "1993 holiday",
   "Summer 1987"). A month that may be a person ("April 2019") needs a day.
4. Counters, phone numbers, versions, sizes, hashes, milliseconds of a clock and two-digit years are no dates, nor are
   days on which programs scanned or saved ("Scan_20180709"), and two dates in one name that disagree are none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from nearsight.metadata.taken import format_taken

_EXTENSION = re.compile(r"\.(?=[^.]*[a-z])[a-z0-9]{2,5}$", re.IGNORECASE | re.ASCII)
_PREFIXES = (
    "img|image|vid|video|mvimg|mvi|pano|panorama|burst|dsc|pic|pict|photo|foto|picture|bild|cam|camera|screenshot|scan|"
    "dji|pxl|wp|win|save|signal|snap|c360|b612|hdr|cover|imag|mov|rec|record|capture|selfie|portrait|story"
)
_BEGIN = r"(?<![^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
_END = r"(?![^\W_])"
_Y, _M, _D = r"(?P<year>(?:18|19|20)\d\d)", r"(?P<month>\d\d)", r"(?P<day>\d\d)"
_NOT_BEHIND_NUMBER = r"(?<!\d[-._: ])"
_CLOCK = (
    r"(?P<hour>\d\d?)[-._:h \u2236](?P<minute>\d\d)[-._:m \u2236](?P<second>\d\d)(?!\d)"
    r"|(?P<clock>\d{6})(?:\d{3})?(?!\d)"
)
_BETWEEN = r"(?:[ _,T-]{1,3}(?:[^\W\d_]{1,4}\.?(?: las)? )?)"
_TIME = rf"(?:{_BETWEEN}(?:{_CLOCK})(?:\s?(?P<half>[ap])\.?m\b\.?|(?P<utc>Z)\b)?)?"

_DIGITS = re.compile(
    rf"(?:{_BEGIN}|{_BEGIN}(?P<prefix>[a-z]{{2,12}})){_Y}{_M}{_D}"
    rf"(?:(?P<joined>\d{{6}})(?:\d{{3}})?(?!\d)|{_TIME}{_END})",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(
    rf"{_BEGIN}(?:(?:{_PREFIXES})|{_NOT_BEHIND_NUMBER}(?<!\bv[. ]))"
    rf"{_Y}(?P<mark>[-._: ]){_M}(?P=mark){_D}(?!\d){_TIME}{_END}",
    re.IGNORECASE,
)
_DAY_FIRST = re.compile(
    rf"{_BEGIN}{_NOT_BEHIND_NUMBER}(?P<day>\d\d?)(?P<mark>[-._])(?P<month>\d\d?)(?P=mark){_Y}(?!\d){_TIME}{_END}",
    re.IGNORECASE,
)
_EAST_ASIAN = re.compile(rf"(?<!\d){_Y}\s?[年년]\s?(?:(?P<month>\d\d?)\s?[月월]\s?(?:(?P<day>\d\d?)\s?[日일])?)?")
_MONTH = re.compile(rf"{_BEGIN}{_NOT_BEHIND_NUMBER}{_Y}-{_M}(?=$|[ _,(]|-(?=[^\W\d_]))")
_UNITS = (
    r"px|pixels?|[mck]m|kg|ft|dpi|ppi|met(?:er|re)s?|miles?|people|persons?|words?|euros?|dollars?|usd|eur|st|nd|rd|th"
)
_YEAR_ALONE = re.compile(rf"^{_Y}(?:$|[ _-]+(?=[^\W\d_]{{2}})(?!(?:{_UNITS})\b))", re.IGNORECASE)
_SCAN_OR_DOWNLOAD = re.compile(
    r"(?:^|[\W\d_])(?:(?:scan(?!din)|scn|skan(?!din)|escan|num[ée]ris|digitali[sz]|скан(?!дин))[^\W\d_]*"
    r"|スキャン|扫描|掃描|스캔|saved?|download(?:ed|s)?)[\W_]*$",
    re.IGNORECASE,
)
_SCAN_PROGRAM = re.compile(
    r"(?:adobe scan|camscanner|genius scan|tiny scanner|turboscan|office lens)[\W_]*$", re.IGNORECASE
)
_VERSION = re.compile(r"(?:\bv|\bver|\bversion|\brelease|\brev)[. _-]?$", re.IGNORECASE)

_MONTH_NAMES = (
    "january jan januar jänner janvier enero gennaio janeiro januari styczeń stycznia январь января",
    "february feb februar février fevrier febrero febbraio fevereiro februari luty lutego февраль февраля",
    "march mar märz mars marzo março marco maart marzec marca март марта",
    "april apr avril abril aprile kwiecień kwietnia апрель апреля",
    "may mai mayo maggio maio mei maj maja май мая",
    "june jun juni juin junio giugno junho czerwiec czerwca июнь июня",
    "july jul juli juillet julio luglio julho lipiec lipca июль июля",
    "august aug août aout agosto augustus sierpień sierpnia август августа",
    "september sep sept septembre septiembre settembre setembro wrzesień września сентябрь сентября",
    "october oct oktober okt octobre octubre ottobre outubro październik października октябрь октября",
    "november nov novembre noviembre novembro listopad listopada ноябрь ноября",
    "december dec dezember dez décembre decembre diciembre dicembre dezembro desember grudzień grudnia декабрь декабря",
)
_OTHER_NAMES = (
    "jan mar mars march marco marca april avril abril may mai mayo mei maja jun june jul julio august augustus"
)
"""Months whose name is also a person's, a planet's, a feast's or the sea's where no day stands beside it."""
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_SEASONS = (
    "spring|summer|autumn|fall|winter|christmas|xmas|easter|thanksgiving|halloween|hanukkah|diwali|new year|frühling|"
    "sommer|herbst|weihnachten|ostern|silvester|printemps|été|automne|hiver|noël|noel|pâques|primavera|verano|otoño|"
    "invierno|navidad|estate|autunno|inverno|natale|pasqua|verão|natal|zomer|kerst|lato|zima|wielkanoc|весна|лето|осень|"
    "зима|рождество"
)
_NAMED = rf"(?P<name>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_WORDED_YEAR = rf"{_Y}(?![^\W_]|[-.:]\d)"
_WORDED = tuple(
    re.compile(_BEGIN + pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<!\d[-.])(?:(?P<day>\d\d?)(?:st|nd|rd|th|er|\.|º)?[ _-]*(?:de |of )?)?{_NAMED}\.?"
        rf"[ _,-]*(?:de |of )?{_WORDED_YEAR}",
        rf"{_NAMED}\.?[ _-]+(?P<day>\d\d?)(?:st|nd|rd|th)?[ _,-]+{_WORDED_YEAR}",
        rf"{_Y}[ _-]+{_NAMED}{_END}(?:[ _-]+(?P<day>\d\d?){_END})?",
        rf"(?:{_SEASONS})[ _-]*{_WORDED_YEAR}",
    )
)
_UTC_NAMES = re.compile(r"^PXL_|_iOS\b|\d\d[-:._]?\d\dZ\b")


def date_in_name(name: str, latest: str | None = None) -> str | None:
    """The date, as "2012-05-31T14:30:00", "2012-05-31", "1965-07" or "1993", that a file of this name was taken.

    Pixel phones and OneDrive write UTC, so of their names only the day is kept.

    Parameters
    ----------
    latest : today as "2026-05-31", where it is known: what lies after it is no date taken

    Examples
    --------
    >>> date_in_name("IMG-20161224-WA0014.jpg"), date_in_name("1965-07 holiday.tif"), date_in_name("DSC01993.JPG")
    ('2016-12-24', '1965-07', None)
    """
    stem = _EXTENSION.sub("", unicodedata.normalize("NFKC", name[:1024]).strip())
    found = {date for pattern, match in _find_dates(stem) if (date := _match_date(pattern, match, stem))}
    longest = max(found, key=len, default=None)
    if longest is None or not all(longest.startswith(date) for date in found):
        return None
    if latest is not None and longest[: len(latest)] > latest:
        return None
    return longest[:10] if _UTC_NAMES.search(stem) else longest


def _find_dates(stem: str) -> Iterator[tuple[re.Pattern[str], re.Match[str]]]:
    """What looks like a date; years and months alone only where there is no whole date."""
    whole = [_DIGITS, _YEAR_FIRST, _DAY_FIRST, _EAST_ASIAN, *_WORDED]
    for patterns in (whole, [_MONTH], [_YEAR_ALONE]):
        matches = [(pattern, match) for pattern in patterns for match in pattern.finditer(stem)]
        if matches:
            yield from matches
            return


def _match_date(pattern: re.Pattern[str], match: re.Match[str], stem: str) -> str | None:
    parts = match.groupdict()
    before = stem[: match.start()]
    if _VERSION.search(before) or not _is_alone(pattern, parts, before, stem[match.end() :]):
        return None
    month = _MONTHS.get(parts["name"].lower(), 0) if parts.get("name") else int(parts.get("month") or 0)
    day = int(parts.get("day") or 0)
    if pattern is _DAY_FIRST:
        day, month = (month, day) if month > 12 else (day, month)
        if day <= 12 and day != month:
            return None
    clock = _clock_of(parts)
    if _is_of_scan(pattern, before + (parts.get("prefix") or ""), timed=clock is not None):
        return None
    is_unknown = any(
        parts.get(key) and not number for key, number in (("day", day), ("month", month), ("joined", clock))
    )
    if (is_unknown and pattern is not _YEAR_FIRST) or (
        (parts.get("name") or "").lower() in _OTHER_NAMES.split() and not day
    ):
        return None
    return format_taken([int(parts["year"]), month, day, *(clock or (0, 0, 0))], timed=clock is not None)


def _is_alone(pattern: re.Pattern[str], parts: dict[str, str | None], before: str, after: str) -> bool:
    """Whether nothing beside a date says that it is something else: a phone number, a version, a hash."""
    if pattern is _DIGITS:
        prefix = parts.get("prefix")
        if prefix and not re.fullmatch(_PREFIXES, prefix, re.IGNORECASE):
            return False
        return not (re.fullmatch(r"[\d\s()+._-]*\d[\s()+._-]*", before) or before.endswith("+"))
    if pattern in (_YEAR_FIRST, _DAY_FIRST) and parts["mark"] == ".":
        return not re.match(r"\.\d", after)
    return True


def _is_of_scan(pattern: re.Pattern[str], before: str, *, timed: bool) -> bool:
    """Whether a program wrote the day of a scan or a download: behind its name, in digits in a row or with a time."""
    return bool(_SCAN_PROGRAM.search(before)) or (
        (timed or pattern is _DIGITS) and bool(_SCAN_OR_DOWNLOAD.search(before))
    )


def _clock_of(parts: dict[str, str | None]) -> tuple[int, int, int] | None:
    """Hour, minute and second; None where there is no such time."""
    digits = parts.get("joined") or parts.get("clock")
    if digits:
        hour, minute, second = (int(digits[at : at + 2]) for at in (0, 2, 4))
    elif parts.get("second"):
        hour, minute, second = (int(parts[each] or 0) for each in ("hour", "minute", "second"))
    else:
        return None
    if parts.get("half"):
        hour = hour % 12 + (12 if str(parts["half"]).lower() == "p" else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None
