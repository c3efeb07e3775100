"""Quotations of a draft: between quote marks of many languages, or dialogue after a dash, and who is said to speak."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from desktop.attributions import named_after, named_before, narration
from desktop.cleaning import clean_name
from desktop.errors import UserError
from desktop.quote_words import split_words

LONGEST_DRAFT = 2_000_000  # characters; four long books
_MOST_PARAGRAPHS = 50  # that one quotation may run over
_LONGEST = 5000  # characters of a quotation within a paragraph; what closes later is no mark of it
_LONGEST_ASIDE = 120
_DEEPEST = 8  # quotations inside quotations
_CLOSES = {"“": "”", "„": "“”\"", "‟": "”", "”": "”", "«": "»", "»": "«»", "‹": "›", "›": "‹›", "‘": "’", "‚": "‘’",
           "「": "」", "『": "』", "〝": "〟〞", '"': '"', "'": "'", "＂": "＂", "``": ("''"), ",,": "''"}
_MARK = re.compile("``|,,|[“„‟”«»‹›‘‚「『〝\"'＂]")
_SINGLE = "‘‚'‹›"
_DASHES = "—–―"
_BLANK = re.compile(r"[^\S\u00a0\u202f\u2007]+")  # no-break spaces hold numbers together
_ENDS = frozenset(".,;:!?…)]}”’»›」』\"'")  # what follows a closing mark, and never an opening one
_ELISION = re.compile(r"['‘’](?:\d\d(?:er)?s?\b|n['’]|(?:tis|twas|em|til|till|cause|bout|cos|round|im|s|t)\b)", re.I)


@dataclass(frozen=True)
class Quotation:
    """One quotation of a draft, `start` to `end` in its text with the marks; `paragraph` counts from 1."""

    text: str
    start: int = 0
    end: int = 0
    paragraph: int = 1
    attribution: str = ""  # who says it, by the words around it; "" when that is not clear
    is_closed: bool = True


def quotations(text: str) -> list[Quotation]:
    """All quotations in the order of the draft; one inside another belongs to the outer one.

    UserError when the text is longer than any article.
    """
    if len(text) > LONGEST_DRAFT:
        raise UserError("This draft is longer than {count} characters. Check it in parts.", count=f"{LONGEST_DRAFT:,}")
    draft = _Draft(text)
    found = [item for item in draft.read() if split_words(item.text)]
    return draft.with_names(sorted(found, key=lambda item: item.start))


class _Draft:
    """A text and its paragraphs as (begin, end)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.paragraphs = list(_paragraphs(text))
        self._begins = [begin for begin, _ in self.paragraphs]

    def read(self) -> Iterator[Quotation]:
        done = 0
        for number, (begin, end) in enumerate(self.paragraphs):
            if done <= begin and (spoken := _dialogue(self.text, begin, end)) is not None:
                yield from (Quotation(_plain(self.text[a:b]), a, b, number + 1, name) for a, b, name in spoken)
                done = end
            while (mark := self._opening(max(begin, done), end)) is not None:
                item, done = self._quotation(number, mark)
                if item is not None:
                    yield item
                if done >= end:
                    break

    def _opening(self, at: int, end: int) -> re.Match[str] | None:
        begin = self._begins[bisect_right(self._begins, at) - 1]
        return next((mark for mark in _MARK.finditer(self.text, at, end) if _opens(self.text, begin, end, mark)), None)

    def _quotation(self, number: int, mark: re.Match[str]) -> tuple[Quotation | None, int]:
        """What begins at a mark, and where to go on."""
        begin, end = self.paragraphs[number]
        inner = mark.end()
        close = _closing(self.text, begin, inner, end, mark[0])
        if close is not None:
            return Quotation(_plain(self.text[inner:close[0]]), mark.start(), close[1], number + 1), close[1]
        if mark[0] in _SINGLE:  # an apostrophe
            return None, inner
        pieces, reach, is_closed = self._over_paragraphs(number, mark[0], inner)
        return Quotation(_plain(" ".join(pieces)), mark.start(), reach, number + 1, is_closed=is_closed), reach

    def _over_paragraphs(self, number: int, mark: str, inner: int) -> tuple[list[str], int, bool]:
        """A quotation that its paragraph does not close goes on where the next ones begin with a mark again."""
        end = self.paragraphs[number][1]
        another = re.compile(r'\s"(?=\w)').search(self.text, inner, end) if mark == '"' else None
        if another is not None:
            return [self.text[inner:another.start()]], another.start(), False
        pieces, reach = [self.text[inner:end]], end
        again = {mark, "»"} if mark == "«" else {mark}
        for begin, end in self.paragraphs[number + 1:number + _MOST_PARAGRAPHS]:
            goes_on = self.text[begin:begin + len(mark)] in again
            close = _closing(self.text, begin, begin + len(mark) * goes_on, end, mark)
            if not goes_on and (close is None or mark in ('"', "”", "＂") or _MARK.search(self.text, begin, close[0])):
                break
            at = begin + len(mark) * goes_on
            if close is not None:
                return [*pieces, self.text[at:close[0]]], close[1], True
            pieces.append(self.text[at:end])
            reach = end
        return pieces, reach, False

    def with_names(self, found: list[Quotation]) -> list[Quotation]:
        """Who is named around each; a quotation that goes on after “…,” said Ortiz. “…” is Ortiz's, too."""
        result: list[Quotation] = []
        for position, item in enumerate(found):
            if item.attribution:
                result.append(item)
                continue
            begin, end = self._around(found, position)
            before, after = self.text[begin:item.start], self.text[item.end:end]
            name = named_before(before) if before.rstrip(" *_\t\n").endswith((":", "：")) else ""
            name = name or named_after(item.text, after) or named_before(before)
            last = result[-1] if result else None
            if not name and last is not None and last.attribution and last.end == begin \
                    and named_after(last.text, before, whole=True):
                name = last.attribution
            result.append(replace(item, attribution=clean_name(name)))
        return result

    def _around(self, found: list[Quotation], position: int) -> tuple[int, int]:
        """The stretch of its paragraphs between the quotations before and after."""
        item = found[position]
        begin = self.paragraphs[item.paragraph - 1][0]
        end = max(item.end, self.paragraphs[bisect_right(self._begins, item.end - 1) - 1][1])
        if position:
            begin = max(begin, found[position - 1].end)
        if position + 1 < len(found):
            end = min(end, found[position + 1].start)
        return begin, end


# Marks

def _opens(text: str, begin: int, end: int, match: re.Match[str]) -> bool:
    """Whether a mark that stands outside of any quotation begins one."""
    mark = match[0]
    before = text[match.start() - 1] if match.start() > begin else " "
    after = text[match.end()] if match.end() < end else " "
    if mark in "「『〝":
        return True
    if mark in "«":
        return True
    if mark in ("„", "‟", "‚", ",,"):
        return not after.isspace()
    if mark in "“``":
        return before.isspace() or not (after.isspace() or after in _ENDS)
    if after.isspace() or (after in _ENDS and after not in "…'\"’"):
        return False
    if mark in "”»›":
        return before.isspace() or before in "([—–-/:"
    if _ELISION.match(text, match.start()) and mark in _SINGLE:
        return False
    return not before.isalnum() or (mark in "\"＂“" and _has_no_blanks(before))


def _closing(text: str, begin: int, at: int, end: int, mark: str) -> tuple[int, int] | None:
    """Where the mark that ends a quotation stands, as (begin, end)."""
    end = min(end, at + _LONGEST)
    if mark in ("``", ",,"):
        found = re.compile("''|[\"“”]").search(text, at, end)
        return found.span() if found else None
    if mark in "‘'":
        place = _single(text, at, end, mark)
    elif mark in '"＂':
        place = _straight(text, at, end, mark)
    elif mark in "”»›":
        place = next((n for n in _places(text, _CLOSES[mark], at, end) if not text[n - 1].isspace()
                      or text[n] != mark), None)
    else:
        place = _nested(text, at, end, mark)
        if place is None and mark == "“":  # a mark of the wrong kind is better than none
            place = next((n for n in _places(text, '“"', at, end) if not text[n - 1].isspace()), None)
    return None if place is None else (place, place + 1)


def _places(text: str, marks: str, at: int, end: int) -> Iterator[int]:
    return (found.start() for found in re.compile(f"[{marks}]").finditer(text, at, end))


def _nested(text: str, at: int, end: int, mark: str) -> int | None:
    """Marks with a direction: what is opened inside is closed first; where they do not pair, the last one counts."""
    depth, last = 1, None
    closes = _CLOSES[mark]
    for n in _places(text, mark + closes, at, end):
        if text[n] == mark and text[n] not in closes:
            depth += 1
            if depth > _DEEPEST:
                break
            continue
        depth -= 1
        last = n
        if depth == 0:
            return n
    return last


def _straight(text: str, at: int, end: int, mark: str) -> int | None:
    """The straight mark that ends what one began; inches (10") and a quotation inside are passed over."""
    places = list(_places(text, mark, at, end))
    depth = 1
    for number, n in enumerate(places):
        left = len(places) - number - 1
        before, after = text[n - 1] if n > at else " ", text[n + 1] if n + 1 < end else " "
        if before.isspace() and not after.isspace() and after not in ".,;:!?":
            if left % 2:  # it begins another: the first was never closed
                return None
            depth += 1
        elif before.isdigit() and left % 2 and depth == 1:
            continue
        else:
            depth -= 1
            if depth == 0:
                return n
    return None


def _single(text: str, at: int, end: int, mark: str) -> int | None:
    """The single mark that ends what one began, and is no apostrophe."""
    close = _CLOSES[mark]
    owners = None  # the workers’ rights: the mark of an owner, unless none comes after it
    for n in _places(text, mark + close, at, end):
        after, before = text[n + 1] if n + 1 < end else " ", text[n - 1]
        if text[n] == mark and before.isspace() and after.isalnum() and not _ELISION.match(text, n):
            break  # another begins
        if after.isalnum() or before.isspace() or text[n] not in close or _ELISION.match(text, n - 2):
            continue
        if before not in "sS" or not after.isspace() or not text[n + 2:n + 3].islower():
            return n
        owners = n if owners is None else owners
    return owners


def _has_no_blanks(character: str) -> bool:
    return "\u3005" <= character <= "\u9fff"


def _plain(text: str) -> str:
    return _BLANK.sub(" ", text).strip()


# Paragraphs and dialogue

def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Lines; those that a program has broken at a width are one paragraph."""
    block: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+|\n\n", text + "\n\n"):
        words = line[0].strip()
        if words:
            begin = line.start() + line[0].index(words[0])
            block.append((begin, begin + len(words)))
        elif block:
            yield from _joined(text, block)
            block = []


def _joined(text: str, block: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One paragraph when its lines look broken at a width, else each line is one."""
    lengths = [end - begin for begin, end in block]
    broken = any(text[end - 1] not in ".!?…:”“»\"'’」。" for _, end in block[:-1])
    dashes = any(text[begin] in _DASHES for begin, _ in block)
    if len(block) > 1 and broken and not dashes and max(lengths) <= 110 and min(lengths[:-1]) >= 45:
        return [(block[0][0], block[-1][1])]
    return block


def _dialogue(text: str, begin: int, end: int) -> list[tuple[int, int, str]] | None:
    """The spoken stretches of a paragraph that begins with a dash, with who speaks; None when it is no dialogue."""
    first = re.compile(rf"[{_DASHES}]+\s*").match(text, begin, end)
    if first is None or first.end() >= end or _MARK.match(text, first.end()):
        return None
    spoken: list[tuple[int, int]] = []
    name, told, at = "", False, first.end()
    for a, b in _between_dashes(text, first.end(), end):
        if spoken and not told and (found := narration(text[a:b])) is not None:
            told, name = True, name or found
            continue
        if told or not spoken:
            spoken.append((a, b))
        else:
            spoken[-1] = (spoken[-1][0], b)  # a dash inside of what is said
        told = False
    result: list[tuple[int, int]] = []
    for a, b in spoken:
        for at, to, said_by in _without_asides(text, a, b):
            name = name or said_by
            result.append((at, to))
    alone = len(result) == 1 and len(split_words(text[slice(*result[0])])) < 3 and text[end - 1] not in ".!?…"
    return None if alone else [(a, b, name) for a, b in result]


def _between_dashes(text: str, at: int, end: int) -> Iterator[tuple[int, int]]:
    for dash in re.compile(rf"(?<=\s)[{_DASHES}]\s*|[{_DASHES}](?=[\s.,;:!?…]|$)[.,;:]?\s*").finditer(text, at, end):
        if dash.start() > at:
            yield at, dash.start()
        at = dash.end()
    if at < end:
        yield at, end


def _without_asides(text: str, at: int, end: int) -> Iterator[tuple[int, int, str]]:
    """What is left of a spoken stretch without “, dit Ortiz.”: (begin, end, the name that was there)."""
    for comma in re.compile(r"[,!?…]\s+").finditer(text, at, end):
        if comma.start() < at:
            continue
        near = min(end, comma.end() + _LONGEST_ASIDE)
        stop = re.compile(r"[.!?…:]").search(text, comma.end(), near)
        if stop is None and near < end:
            continue
        said_by = narration(text[comma.end():stop.start() if stop else end], alone=True)
        if said_by is not None:
            yield at, comma.start() + (text[comma.start()] != ","), said_by
            at = stop.end() if stop else end
    if at < end:
        yield at, end, ""
