"""Who is said to speak: names beside words like "said", in the languages that most drafts are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from desktop.model import Speaker
from desktop.quote_words import is_alone, key


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SAID = _set("""
said says say told tells asked asks added adds replied replies wrote writes explained explains argued argues insisted
insists recalled recalls noted notes claimed claims admitted admits warned warns stated states answered continued
remarked conceded acknowledged testified according
dijo dice decía afirmó afirma explicó explica añadió añade aseguró asegura contó cuenta señaló señala preguntó pregunta
respondió responde contestó según declaró declara insistió reconoció advirtió
dit déclare déclaré explique expliqué ajoute ajouté affirme affirmé assure assuré raconte raconté demande demandé répond
répondu répondit demanda expliqua ajouta
selon estime confie précise lance poursuit
sagte sagt erklärte erklärt fragte fragt antwortete antwortet meinte meint betonte betont ergänzte fügte laut schrieb
erzählte erzählt gesagt erinnerte
sa säger sade sagt berättar berättade förklarar förklarade frågade frågar svarade svarar menar enligt skriver uppger
sier siger sagde fortæller forteller spurte spurgte svarte mener ifølge
powiedział powiedziała mówi mówił mówiła dodał dodała zapytał zapytała odpowiedział odpowiedziała twierdzi stwierdził
stwierdziła wyjaśnił wyjaśniła według
disse diz afirmou afirma explicou contou perguntou respondeu acrescentou segundo dice detto spiega spiegato afferma
chiede racconta aggiunge risponde secondo zei zegt vertelt vertelde vraagt vroeg antwoordde aldus volgens
сказал сказала говорит спросил спросила ответил ответила добавил добавила заявил заявила рассказал рассказала
""")
_NOBODY = _set("""
the a an he she they it we i you but and or so then in on at as after before when while what this that these those there
his her their our my its with for from if no not yes still later now one mr mrs ms dr
el la los las un una lo ella ellos yo pero y no cuando en si su le les il elle ils elles on nous je tu et mais ce cette
der die das ein eine er sie es wir ich und aber dann als wenn im am den dem
han hon de det vi jag och men en ett en den du man ona ono oni i ale ja o os as ele ela eu e mas
он она они я и но это
""")
_PRONOUNS = _set("""
he she they i ella él ellos yo il elle ils elles je on er sie ich han hon jag de hun vi ele ela eu lui lei ona hij zij
он она они я
""")
_PASSIVE = _set("was were been being is are be got wurde wird wurden fue era été blev blir został")
_LEADING = _set("a ha hat har so så as como comme wie som jak как")  # before a verb that its subject follows
TITLES = _set("mr mrs ms dr prof sir dame herr frau señor señora don doña monsieur madame m mme")
PARTICLES = _set("de del della di da das do dos la le van von der den ter zu bin ibn al el af y")
_WORD = re.compile(r"[^\W\d_](?:[\w\u0300-\u036f]|['’.-](?=[^\W\d_]))*")
_SENTENCE = re.compile(r"[.!?…]\s|[”»“\"」]|\n")
_FAR = 120  # characters from the mark
_JAPANESE = re.compile(r"(?:^|[。、\s」])([^\s。、「」]{1,12}?)(?:さん|氏|様|首相|知事|市長)?(?:は|も|が)、?$")


def named_after(quoted: str, text: str, *, whole: bool = False) -> str:
    """The name in what follows a quotation: “…,” said Ortiz / , Ortiz told us / selon Ortiz. "" when there is none.

    With `whole` only when nothing else follows.
    """
    ends = quoted.rstrip("’'”» ")[-1:]
    follows = text.lstrip(" \u00a0\u202f")
    if follows[:1] in ".;" or (ends == "." and follows[:1] not in ",—–"):
        return ""  # the sentence was over: another begins
    follows = follows.lstrip(",—– \u00a0\u202f")
    stop = re.search(r"[.!?](?:\s|$)|[:;]|\n", _without_titles(follows))
    if whole and (stop is None or follows[stop.end():].strip()):
        return ""
    clause = _without_titles(follows)[:stop.start() if stop else _FAR][:_FAR]
    return _subject(_words(clause), near=8)


def named_before(text: str) -> str:
    """The name in what leads to a quotation: Ortiz: “…” / Ortiz said, “…” / According to Ortiz, “…”."""
    japanese = _JAPANESE.search(text[-40:].rstrip())
    if japanese is not None:
        return japanese[1]
    lead = _without_titles(text)[-_FAR:].rstrip(" *_\t\n\u00a0\u202f")
    lead = _SENTENCE.split(lead)[-1] if not lead.endswith(("”", "»")) else ""
    words = _words(lead)
    if lead.endswith((":", "：")):
        bare = lead.rstrip(":： *_").strip("*_>#- ")
        if words and not _verb(words) and len(words) <= 5 and (_name(words, 0) or not bare.isascii()):
            return _name(words, 0) or (bare if len(bare) <= 40 else "")
        return _clear_subject(words)
    if lead.endswith(",") or (words and (words[-1].casefold() in _SAID or words[-1] in ("that", "que", "dass", "att"))):
        return _clear_subject(words)
    return ""


def narration(text: str, *, alone: bool = False) -> str | None:
    """The name (or "") when a stretch between dashes tells who speaks; None when it is something that is said.

    `alone`: between commas, where it has to be short and name somebody.
    """
    words = _words(_without_titles(text)[:_FAR])
    if not words or (alone and len(words) > 7):
        return None
    lower = [piece for word in words[:4] for piece in re.split(r"-(?:t-)?", word.casefold())]
    if not any(word in _SAID for word in lower):
        return None
    name = _subject([piece for word in words for piece in re.split(r"-(?:t-)?(?=[a-zé])", word)], near=8)
    return None if alone and not name and not any(word in _PRONOUNS for word in lower) else name


def _clear_subject(words: list[str]) -> str:
    """When Lind asked, Ortiz said: two verbs and two names, and nobody knows from here which belongs to which."""
    verbs = sum(word.casefold() in _SAID for word in words)
    names = {name for n in range(len(words)) if (name := _name(words, n)) and not _name(words, n - 1)}
    return _subject(words, near=12) if verbs < 2 or len(names) < 2 else ""


def _subject(words: list[str], near: int) -> str:
    """Who is the subject of the first verb of saying; "" when that is not clear, for a wrong name accuses somebody."""
    verb = _verb(words)
    if verb is None or verb > near:
        return ""
    if verb and words[verb - 1].casefold() in _PRONOUNS | _PASSIVE:
        return ""
    before = [name for n in range(verb) if (name := _name(words, n)) and not _name(words, n - 1)]
    if before:
        return before[-1]
    if verb and any(word.casefold() not in _LEADING for word in words[:verb]):
        return ""  # “…,” the mayor told Lind
    after = verb + 1 + (words[verb].casefold() == "according")
    while after < len(words) and words[after].casefold() in _SAID:
        after += 1
    for n in range(after, min(len(words), after + 6)):
        if words[n].casefold() in _SAID or (n == after and words[n].casefold() in _PRONOUNS | {"to"}):
            break
        if name := _name(words, n):
            return name
    return ""


def _verb(words: list[str]) -> int | None:
    return next((n for n, word in enumerate(words) if word.casefold() in _SAID and (n == 0 or word[0].islower()
                 or not word[0].isupper() or word.casefold() == "according")), None)


def _name(words: list[str], at: int) -> str:
    """The name that begins at a word: capitalised words, with what names have between them."""
    if not 0 <= at < len(words) or not words[at][0].isupper() or words[at].casefold() in _NOBODY | _SAID:
        return ""
    end = at + 1
    while end < len(words):
        ahead = end
        while ahead < len(words) and words[ahead].casefold() in PARTICLES and words[ahead][0].islower():
            ahead += 1
        if ahead >= len(words) or not words[ahead][0].isupper() or words[ahead].casefold() in _NOBODY - PARTICLES:
            break
        end = ahead + 1
    parts = words[at:end]
    if parts[0].casefold().rstrip(".") in TITLES and len(parts) > 1:
        parts = parts[1:]
    return " ".join(part.removesuffix("’s").removesuffix("'s") for part in parts)


def _without_titles(text: str) -> str:
    """Without the full stops of Mr. and Dr., which end no sentence."""
    return re.sub(r"\b(Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|M)\.", r"\1", text)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


# Names of speakers

def speakers_named(speakers: Iterable[Speaker], attribution: str) -> set[int]:
    """The speakers that a name may mean: all parts of one name are in the other, else the last ones are the same."""
    theirs = _name_parts(attribution)
    parts = {s.id: _name_parts(s.name) for s in speakers if not is_label(s.name)}
    whole = {i for i, mine in parts.items() if mine and theirs and (
        set(mine) <= set(theirs) or set(theirs) <= set(mine) or _without_blanks(mine, theirs))}
    return whole or {i for i, mine in parts.items() if mine and theirs and mine[-1] == theirs[-1]}


def _name_parts(name: str) -> list[str]:
    """What tells people apart in a name."""
    parts = [key(part).removesuffix("'s") for part in name.replace(".", " ").replace("-", " ").split()]
    return [part for part in parts if part and part not in TITLES | PARTICLES and (len(part) > 1 or not part.isascii())]


def _without_blanks(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    """Names in scripts without blanks: one stands at the beginning of the other."""
    a, b = "".join(mine), "".join(theirs)
    return is_alone(a[0]) and (a.startswith(b) or b.startswith(a))


def is_label(name: str) -> bool:
    """Whether nobody has given this speaker a name."""
    return name.startswith("Speaker ") and name[8:].isdigit()
