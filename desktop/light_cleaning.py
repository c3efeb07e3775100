"""Light cleaning of speech: filler sounds and stumbles go, every word that means something stays.

"Um", "äh", "I I" and "th- the" go. Words like "like", "so" and "well", negations, numbers and names are never touched,
nor is anything moved or replaced; in doubt a sound stays.
"""

from __future__ import annotations

import difflib
import re
from itertools import pairwise

_FILLERS = {
    "en": ("um", "umm", "uhm", "uh", "uhh", "er", "erm", "ehm"),
    "de": ("äh", "ähh", "ähm", "öh", "öhm", "ehm"),  # not "um", "er" and "eh", which are words
    "es": ("eh", "ehm"),
    "fr": ("euh", "euhh", "heu"),
    "it": ("ehm", "uhm"),  # not "eh", which can mean yes
    "pt": ("eh", "ehm", "uhm", "ãh"),  # not "um", which is the number one
    "nl": ("uh", "uhm", "eh", "ehm", "euh", "euhm"),  # not "er"
    "sv": ("öh", "öhm", "eh", "ehm"),
    "": ("uh", "uhm", "ehm", "erm", "ähm", "öhm", "euh"),  # words in none of these languages
}
_STUMBLES = {  # small words that are doubled only by accident; not "that that", "to to", "it it" or "nous nous"
    "en": "i we he she they the a an and but or my our their if because i'm i've it's we're they're there's he's she's",
    "de": "ich wir er und aber oder im wenn weil dass",
    "es": "yo el la los las de y en pero con por",
    "fr": "je il on le la les de du des et à mais c'est j'ai",
    "it": "il la i gli le e ma di per con",
    "pt": "eu ele o a os as de do da e mas com",
    "nl": "ik hij we wij de en maar",
    "sv": "jag vi han hon och men",
}
_ALL_STUMBLES = frozenset(" ".join(_STUMBLES.values()).split())
_STAY = {  # negations, and numbers, which may be the beginning of a longer one: "four- fourteen"
    "en": "no not nor never none nothing nobody nowhere one two three four five six seven eight nine ten eleven twelve "
          "hundred thousand",
    "de": "nein nicht nie kein keine nichts niemand ein eine eins zwei drei vier fünf sechs sieben acht neun zehn elf "
          "zwölf hundert tausend",
    "es": "no ni nunca jamás nada nadie ninguno uno una un dos tres cuatro cinco seis siete ocho nueve diez once doce "
          "cien mil",
    "fr": "non ne ni pas jamais rien personne aucun un une deux trois quatre cinq six sept huit neuf dix onze douze "
          "cent mille",
    "it": "no non né mai niente nessuno uno una un due tre quattro cinque sei sette otto nove dieci undici dodici "
          "cento mille",
    "pt": "não nem nunca nada ninguém um uma dois duas três quatro cinco seis sete oito nove dez onze doze cem mil",
    "nl": "nee niet nooit geen niets niemand een één twee drie vier vijf zes zeven acht negen tien elf twaalf honderd "
          "duizend",
    "sv": "nej inte aldrig ingen inget inga en ett två tre fyra fem sex sju åtta nio tio elva tolv hundra tusen",
}
_STAYS = frozenset(" ".join(_STAY.values()).split())
_BEFORE_A_CLAUSE = frozenset(("and", "but", "so", "because", "that", "if", "when", "as", "well", "or", "the", "a", "an",
                              "my", "our", "their"))
_ANSWERS = frozenset(("huh", "uh", "oh", "ah", "nuh", "hum"))  # "uh huh" and "uh oh" mean something
_TOKEN = re.compile(r"\S+")
_PARTS = re.compile(r"(?P<before>\W*)(?P<core>.*?)(?P<after>\W*)", re.DOTALL)
_SOFT = re.compile(r"[,.…;:–—-]*")  # what may go with a sound; never ? ! or quotation marks
_PAUSES = (",", "-", "–", "—", "...", "…", ",...", ",…")
_ENDS = re.compile(r"[.…]+$")


def clean(text: str, language: str = "") -> str:
    """The text without filler sounds and stumbles. `language` is BCP-47; unknown: only what is a word nowhere."""
    tokens, gone = _judged(text, language)
    if not any(gone):
        return text
    pieces: list[str] = []
    seam = ""  # the tokens that went just before, joined
    for n, token in enumerate(tokens):
        if gone[n]:
            seam += token.group()
            _hand_over(pieces, token.group(), all(gone[n:]))
            continue
        blank = text[tokens[n - 1].end():token.start()] if n else ""
        pieces.append(blank if pieces else "")
        pieces.append(_begun(token.group(), seam))
        seam = ""
    return "".join([text[:tokens[0].start()], *pieces, text[tokens[-1].end():]])


def removed(text: str, language: str = "") -> list[tuple[int, int]]:
    """The stretches (begin, end) of `text` that `clean` takes away."""
    tokens, gone = _judged(text, language)
    return [token.span() for token, is_gone in zip(tokens, gone, strict=True) if is_gone]


def changes(text: str, cleaned: str) -> list[tuple[str, str]]:
    """From one to the other as ("same", "gone" or "new", words); without the new ones it is the text, and so on."""
    old, new = text.split(), cleaned.split()
    result: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            result.append(("same", " ".join(old[a:b])))
            continue
        result += [("gone", " ".join(old[a:b]))] if b > a else []
        result += [("new", " ".join(new[c:d]))] if d > c else []
    return result


def _judged(text: str, language: str) -> tuple[list[re.Match[str]], list[bool]]:
    """The tokens of a text, and which of them go; none when no word would be left."""
    tokens = list(_TOKEN.finditer(text))
    code = language.split("-")[0].lower()
    fillers = frozenset(_FILLERS.get(code, _FILLERS[""]))
    stumbles = frozenset(_STUMBLES[code].split()) if code in _STUMBLES else _ALL_STUMBLES
    gone = [_is_filler(tokens, n, fillers) for n in range(len(tokens))]
    left = [n for n in range(len(tokens)) if not gone[n]]
    last = "."
    for n, following in pairwise(left):
        gone[n] = _is_stumble(tokens[n].group(), tokens[following].group(), last, stumbles)
        last = last if gone[n] else tokens[n].group()
    if not any(_parts(tokens[n].group())[1] for n in range(len(tokens)) if not gone[n]):
        gone = [False] * len(tokens)
    return tokens, gone


def _parts(token: str) -> tuple[str, str, str]:
    match = _PARTS.fullmatch(token)
    return (match["before"], match["core"], match["after"]) if match else ("", token, "")


def _is_filler(tokens: list[re.Match[str]], n: int, fillers: frozenset[str]) -> bool:
    before, core, after = _parts(tokens[n].group())
    if core.casefold() not in fillers or before or not _SOFT.fullmatch(after) or (core.isupper() and len(core) > 1):
        return False
    _, last, end = _parts(tokens[n - 1].group()) if n else ("", "", ".")
    _, following, _ = _parts(tokens[n + 1].group()) if n + 1 < len(tokens) else ("", "", "")
    if (following.casefold() in _ANSWERS and not after) or (last.casefold() in _ANSWERS and not end):
        return False
    if last[-1:].isdigit() and not end:
        return False  # "10 um" is a measure
    name = core[0].isupper() and not after and following[:1].isupper() and following.split("'")[0] != "I"
    inside = core[0].isupper() and not _ENDS.search(end) and end[-1:] not in ("?", "!", ":")
    return not name and not inside  # "Um Qasr" is a port


def _is_stumble(token: str, following: str, last: str, stumbles: frozenset[str]) -> bool:
    """The same small word twice, or the beginning of the word that follows: "th- the"."""
    before, core, after = _parts(token)
    next_before, next_core, _ = _parts(following)
    word, whole = core.casefold(), next_core.casefold()
    if before or next_before or not word or word in _STAYS or any(c.isdigit() for c in word):
        return False
    if word == whole and word in stumbles:
        begins = last[-1:] in (".", "?", "!", ":", ",", "…", "-", "–", "—")  # else "das war ich, ich habe"
        return not after or (after in _PAUSES and (begins or {_parts(last)[1].casefold(), word} & _BEFORE_A_CLAUSE
                                                  != set()))
    return after == "-" and word.isalpha() and word not in _ALL_STUMBLES and len(word) < len(whole) \
        and whole.startswith(word) and not (core[0].isupper() and next_core[0].isupper())  # "Ann- Annabel"


def _hand_over(pieces: list[str], token: str, is_last: bool) -> None:
    """The end of a sentence stays when the sound before it goes, and a comma goes where nothing parts any more."""
    if not pieces:
        return
    end = _ENDS.search(token)
    before, core, after = _parts(pieces[-1])
    if end and (is_last or end.group() == "."):
        pieces[-1] = before + core + (after.rstrip(",;:–—- ") or "") + ("" if _ENDS.search(after) else end.group())
    elif is_last or core.casefold() in _ALL_STUMBLES:
        pieces[-1] = before + core + after.rstrip(",")


def _begun(token: str, seam: str) -> str:
    """With the capital letter that a sentence lost with its first sound."""
    if not seam[:1].isupper() or not token[:1].islower():
        return token
    return token[0].upper() + token[1:] if _parts(token)[1].islower() else token
