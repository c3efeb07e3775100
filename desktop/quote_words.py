"""Words as a quote check compares them: case, punctuation, unicode form and dashes do not count, all else does."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from desktop.withholding import LEFT_OUT

# Scripts that are written without blanks: each character is a word. Kana, Han, Thai, Lao, Burmese, Khmer.
_ALONE = ("\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
          "\uff66-\uff9d\U00020000-\U000323af\u0e01-\u0e7f\u0e81-\u0edf\u1000-\u109f\u1780-\u17dd")
_APOSTROPHES = "'’‘ʼ`´＇"
_IGNORED = "\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"  # they change how a word looks, not which it is
_SYMBOLS = "%‰°+=×÷±&@#§$¢£¤¥֏؋฿₠-\u20c0＄￠￡￥％＋＝＆＠＃"  # "5 %" is not "5", and "$5" not "5"
_BARRIER = re.escape(LEFT_OUT)
_SAME_FORM = ("<wide>", "<narrow>", "<compat>", "<noBreak>", "<initial>", "<medial>", "<final>", "<isolated>",
              "<font>")  # not <super> or <fraction>: 10² is not 102
_NEGATIONS = frozenset("""
not no never none nobody nothing neither nor cannot nunca nadie nada ni jamás ne pas jamais rien aucun personne nicht
kein keine keinen nie niemals nichts niemand inte aldrig ingen inget ikke aldri nikt nic não ninguém non niente niet
geen nooit не нет никогда
""".replace("\n", " ").strip().split(" "))
_DIGITS = r"(?<![\w.])[-\u2212]?\.\d+|(?<!\w)[-\u2212]\d+{more}|\d+{more}".format(
    more=r"(?:[.,]\d+|[\u00a0\u202f\u2009'’]\d{3}(?!\d))*")
_OVER = r"(?<=\d)/(?=\d)"  # 3/4 is not 3-4
_ASCII = re.compile(rf"(?:{_DIGITS})[A-Za-z]*|[A-Za-z][A-Za-z0-9_]*(?:['`][A-Za-z0-9]+)*|[%+=&@#$]|{_OVER}", re.ASCII)


class Fold(dict[int, str]):
    """For str.translate: each character in its plain form."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if unicodedata.category(character) == "Nd":
            plain = str(unicodedata.digit(character))
        elif unicodedata.decomposition(character).startswith(_SAME_FORM):
            plain = unicodedata.normalize("NFKC", character)
        else:
            plain = "'" if character in _APOSTROPHES else character
        self[code] = plain
        return plain


_FOLD = Fold({ord("_"): "", ord("\u2212"): "-"} | {code: "" for code in range(0x20d0) if re.match(
    f"[{_IGNORED}]", chr(code))})


def key(word: str) -> str:
    """What two words have in common when they are the same word."""
    folded = word.translate(_FOLD)
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", folded).casefold())
    folded = folded.casefold()
    return _number(folded) if folded[:1].isdecimal() or folded[:1] in "-." else folded


def split_words(text: str) -> list[str]:
    """The words of a text as they are written, and LEFT_OUT where it stands."""
    if text.isascii():
        return _ASCII.findall(text)
    return _any_script().findall(text)


def placed_words(text: str) -> list[tuple[str, int, int]]:
    """The same words, each with the place where it begins and ends."""
    return [(m[0], m.start(), m.end()) for m in (_ASCII if text.isascii() else _any_script()).finditer(text)]


def holds_negation(text: str) -> bool:
    """Whether one of the words says no, in one of the languages that most drafts are written in."""
    return any(word in _NEGATIONS or word.endswith("n't") for word in map(key, split_words(text)))


def is_alone(character: str) -> bool:
    """Whether this is a character of a script without blanks, and so a word by itself."""
    return re.match(f"[{_ALONE}]", character) is not None


def _number(folded: str) -> str:
    """1,200 and 1 200 as 1200, 3,5 as 3.5; a single 1.200 stays, for it may be either."""
    match = re.match(r"(-?)([\d.,'\u00a0\u202f\u2009 ]*)(.*)", folded, re.DOTALL)
    assert match is not None
    sign, digits, rest = match.groups()
    digits = re.sub(r"['\u00a0\u202f\u2009 ]", "", digits)
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(r"[1-9]\d{0,2}((\.\d{3}){2,}|(\.\d{3})+,\d+)", digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif digits.count(",") == 1 and "." not in digits:
        digits = digits.replace(",", ".")
    return sign + ("0" if digits.startswith(".") else "") + digits + rest


@lru_cache(1)
def _any_script() -> re.Pattern[str]:
    """Made when the first such text comes: marks (vowel signs, accents) belong to the character before them."""
    marks = _marks()
    letter, inside = rf"[^\W_{_ALONE}]", rf"[{marks}{_IGNORED}]"
    word = rf"{letter}[^\W{_ALONE}]*(?:{inside}+[^\W{_ALONE}]*)*"
    return re.compile(rf"{_BARRIER}|(?:{_DIGITS})(?:{word})?|{word}(?:[{_APOSTROPHES}]{word})*"
                      rf"|[{_ALONE}][{marks}]*|[{_SYMBOLS}]|{_OVER}")


def _marks() -> str:
    """All combining marks, as ranges of a character class."""
    ranges: list[list[int]] = []
    for code in (*range(0x300, 0x1f000), *range(0xe0100, 0xe01f0)):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
