"""Words on which the sense of a quote turns, by language: numbers, dates and negations. All are without capitals."""

from __future__ import annotations

import re

_LONGEST = 60  # letters of a word that is looked up
_TELLING = 6  # letters of a number word that is in no other language something else

# What people and engines call a language -> its key in the tables below.
_LANGUAGES = {
    "english": "en", "eng": "en", "german": "de", "deu": "de", "ger": "de", "french": "fr", "fra": "fr", "fre": "fr",
    "spanish": "es", "spa": "es", "italian": "it", "ita": "it", "portuguese": "pt", "por": "pt", "dutch": "nl",
    "nld": "nl", "swedish": "sv", "swe": "sv", "danish": "da", "dan": "da", "norwegian": "no", "nor": "no", "nb": "no",
    "nn": "no", "polish": "pl", "pol": "pl", "russian": "ru", "rus": "ru", "ukrainian": "uk", "ukr": "uk",
    "chinese": "zh", "zho": "zh", "yue": "zh", "japanese": "ja", "jpn": "ja"}

# Languages that write every noun with a capital, or no word at all: there a capital tells no name.
WITHOUT_CAPITAL_NAMES = frozenset(("de", "zh", "ja", "ko", "ar", "he", "fa", "hi", "th", "lb"))
NO_NAMES = frozenset(("I", "I'm", "I’m", "I've", "I’ve", "I'll", "I’ll", "I'd", "I’d", "OK", "Okay", "U", "Sie",
                      "Ihnen", "Ihr", "Ihre", "God", "Mr", "Mrs", "Ms", "Dr", "Prof", "Herr", "Frau", "Monsieur",
                      "Madame", "Señor", "Señora", "Pan", "Pani", "Panie", "Signor", "Signora"))
TITLES = frozenset(("Herr", "Herrn", "Frau", "Dr", "Prof", "Professor", "Professorin", "Doktor", "Minister",
                    "Ministerin", "Kanzler", "Kanzlerin", "Präsident", "Präsidentin", "Bürgermeister",
                    "Bürgermeisterin"))
SHORTENED = frozenset(("dr", "mr", "mrs", "ms", "prof", "st", "sr", "sra", "jr", "hr", "fr", "mme", "mgr", "no", "nr"))

_NEGATIONS = {
    "en": "not no never none nobody nothing nor neither nowhere without cannot hardly barely unless dont didnt doesnt "
          "isnt wasnt arent werent cant couldnt wont wouldnt shouldnt havent hasnt hadnt",
    "de": "nicht nichts nie niemals niemand niemanden niemandem kein keine keinen keinem keiner keines keins nein nee "
          "weder nirgends nirgendwo ohne kaum keinesfalls keineswegs",
    "fr": "ne pas non jamais rien aucun aucune ni sans guère nul nulle",
    "es": "no nunca jamás nada nadie ningún ninguno ninguna ningunos ningunas ni tampoco sin",
    "it": "non no mai niente nulla nessuno nessuna nessun né neanche nemmeno neppure senza",
    "pt": "não nunca jamais nada ninguém nenhum nenhuma nem tampouco sem",
    "nl": "niet niets niks nooit niemand geen nee neen noch nergens zonder",
    "sv": "inte ej icke aldrig ingen inget inga ingenting nej varken",
    "da": "ikke aldrig ingen intet ingenting nej hverken uden",
    "no": "ikke ikkje aldri ingen inga intet ingenting nei verken uten",
    "pl": "nie nigdy nikt nikogo nikomu nic niczego żaden żadna żadne żadnego żadnej ani bez nigdzie",
    "ru": "не нет ни никогда никто никого ничего ничто нельзя без нигде",
    "uk": "не ні немає ніколи ніхто нікого нічого ніщо без ніде",
}
NEGATIONS = {language: frozenset(words.split()) for language, words in _NEGATIONS.items()}
NEGATIONS[""] = NEGATIONS["en"] | frozenset(  # no language is named: what is long enough to be no word of another
    word for words in NEGATIONS.values() for word in words if len(word) >= 4 or not word.isascii())
ONLY_WITH_NE = frozenset(("plus", "personne", "que"))  # French: a negation in a line with "ne"
SHORT_NE = ("n'", "n’")
NOT = ("n't", "n’t")

_MONTHS = {
    "en": "january february april june july august september october november december monday tuesday wednesday "
          "thursday friday saturday sunday",
    "de": "januar jänner februar märz april mai juni juli august september oktober november dezember montag dienstag "
          "mittwoch donnerstag freitag samstag sonnabend sonntag",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre lundi mardi mercredi "
          "jeudi vendredi samedi dimanche",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes "
          "miércoles jueves viernes sábado domingo",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre lunedì "
          "martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro segunda-feira "
          "terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december maandag dinsdag "
          "woensdag donderdag vrijdag zaterdag zondag",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december måndag tisdag onsdag "
          "torsdag fredag lördag söndag",
    "da": "januar februar marts april maj juni juli august september oktober november december mandag tirsdag onsdag "
          "torsdag fredag lørdag søndag",
    "no": "januar februar mars april mai juni juli august september oktober november desember mandag tirsdag onsdag "
          "torsdag fredag lørdag søndag",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia "
          "poniedziałek wtorek środa środę czwartek piątek sobota sobotę niedziela niedzielę",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря понедельник вторник среда "
          "среду четверг пятница пятницу суббота субботу воскресенье",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня понеділок вівторок "
          "середа середу четвер пятниця пятницю субота суботу неділя неділю",
}

CAPITAL_MONTHS = frozenset(("May", "March"))  # English: without the capital they are verbs

# A whole word that is a number, where "one" is left out: it is an article or a pronoun too often.
_NUMBERS = {
    "en": r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
          r"seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|"
          r"billion|trillion|dozen|zero)(?:s|th|ths)?"
          r"|third|thirds|fifth|fifths|eighth|ninth|twelfth|twentieth|thirtieth|half|quarter|quarters|double|triple|"
          r"twice|percent|per-cent",
    "de": r"(?!(?:und|ein|eine|einen|zig|te|ten)$)(?:null|ein|zwei|zwo|drei|vier|fünf|sechs|sech|sieben|sieb|acht|neun|"
          r"zehn|elf|zwölf|zwan|zig|ßig|hundert|tausend|und)+(?:e|en|te|ten|ter|tes|tem|ste|sten|ster|stes|mal|fach)?"
          r"|million(?:en)?|milliarden?|billion(?:en)?|dritte[mnrs]?|halb|halbe[nrs]?|hälfte|drittel|viertel|dutzend|doppelt|prozent",
    "fr": r"(?:deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente|"
          r"quarante|cinquante|soixante|septante|huitante|octante|nonante|cents?|mille)(?:ième|ièmes)?|millions?|"
          r"milliards?|zéro|demie?s?|moitié|tiers|quarts?|douzaine|double|centaines?|milliers?|pour-cent",
    "es": r"dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieci\w+|veinte|veinti\w+|"
          r"treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien|ciento|cientos|\w+cient[oa]s|quinient[oa]s|"
          r"mil|miles|mill[oó]n|millones|cero|medio|media|mitad|tercio|docena|doble",
    "it": r"(?!(?:sei|uno)$)(?:uno|due|tre|tré|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici|tredici|"
          r"quattordici|quindici|sedici|diciassette|diciotto|diciannove|venti?|trenta?|quaranta?|cinquanta?|sessanta?|"
          r"settanta?|ottanta?|novanta?|cento|mille|mila)+|milion[ei]|miliard[oi]|zero|mezzo|mezza|metà|dozzina|doppio",
    "pt": r"dois|duas|três|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|catorze|quatorze|quinze|dezesseis|"
          r"dezasseis|dezessete|dezassete|dezoito|dezenove|dezanove|vinte|trinta|quarenta|cinquenta|sessenta|setenta|"
          r"oitenta|noventa|cem|cento|duzent[oa]s|trezent[oa]s|quinhent[oa]s|\w+cent[oa]s|mil|milhão|milhões|milhares|"
          r"bilhão|bilhões|zero|meio|meia|metade|terço|dúzia|dobro",
    "nl": r"(?!(?:en|een)$)(?:een|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|dertien|veertien|twintig|"
          r"dertig|veertig|vijftig|zestig|zeventig|tachtig|negentig|honderd|duizend|en|ën)+(?:de|ste)?|miljoen(?:en)?|"
          r"miljard(?:en)?|nul|half|halve|helft|kwart|dozijn|dubbel|procent",
    "sv": r"(?!(?:en|ett)$)(?:ett|en|två|tre|fyra|fem|sex|sju|åtta|nio|tio|elva|tolv|tretton|fjorton|femton|sexton|"
          r"sjutton|arton|nitton|tjugo|trettio|fyrtio|femtio|sextio|sjuttio|åttio|nittio|hundra|tusen)+|miljon(?:er)?|"
          r"miljard(?:er)?|noll|halv|halva|hälften|tredjedel|kvart|dussin|dubbelt|procent",
    "da": r"(?!(?:en|et|og)$)(?:en|et|to|tre|fire|fem|seks|syv|otte|ni|ti|elleve|tolv|tretten|fjorten|femten|seksten|"
          r"sytten|atten|nitten|tyve|tredive|fyrre|halvtreds|tres|halvfjerds|firs|halvfems|hundrede|tusind|og)+|"
          r"millioner|million|milliarder|milliard|nul|halv|halvdelen|procent",
    "no": r"(?!(?:en|ett|og)$)(?:en|ett|to|tre|fire|fem|seks|sju|syv|åtte|ni|ti|elleve|tolv|tretten|fjorten|femten|"
          r"seksten|sytten|atten|nitten|tjue|tretti|førti|femti|seksti|sytti|åtti|nitti|hundre|tusen|og)+|millioner|"
          r"million|milliarder|milliard|null|halv|halvparten|prosent",
    "pl": r"dwa|dwie|dwóch|dwoje|trzy|trzech|cztery|czterech|pięć|pięciu|sześć|sześciu|siedem|siedmiu|osiem|ośmiu|"
          r"dziewięć|dziewięciu|dziesięć|dziesięciu|\w+naście|\w+nastu|dwadzieścia|trzydzieści|czterdzieści|"
          r"\w+dziesiąt|sto|stu|dwieście|trzysta|czterysta|\w+set|tysiąc|tysiące|tysięcy|milion|miliony|milionów|"
          r"miliard|miliardy|miliardów|zero|pół|połowa|połowę|procent",
    "ru": r"два|две|двух|три|трёх|трех|четыре|пять|пяти|шесть|семь|восемь|девять|десять|\w+надцать|двадцать|тридцать|"
          r"сорок|пятьдесят|шестьдесят|семьдесят|восемьдесят|девяносто|сто|двести|триста|четыреста|\w+сот|тысяч[аиу]?|"
          r"миллион\w*|миллиард\w*|ноль|половин[аыу]|процент\w*",
    "uk": r"два|дві|двох|три|трьох|чотири|п['’]?ять|шість|сім|вісім|дев['’]?ять|десять|\w+надцять|двадцять|тридцять|"
          r"сорок|\w+десят|сто|двісті|триста|\w+сот|тисяч[аіу]?|мільйон\w*|мільярд\w*|нуль|половин[аиу]|відсот\w*",
}
NUMBERS = {language: re.compile(f"{pattern}|{'|'.join(_MONTHS[language].split())}")
           for language, pattern in _NUMBERS.items()}

# Scripts without blanks: looked for inside what stands together.
IN_RUNS = {
    "number": re.compile(r"[一二三四五六七八九十百千万萬億亿兆零〇两]{2,}|"
                         r"[一二三四五六七八九十百千两](?=[年月日万億亿円元人個个名])"),
    "negation": re.compile(r"[不没沒無无未]|ない|なかった|なく|ません|いいえ"),
}
ELISION = re.compile(r"[a-zàèéù]{1,6}['’](?=\w)")  # French and Italian: l'Europe, dell'Italia
LOGOGRAMS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def language_key(language: str) -> str:
    """The key of the tables for a name or tag of a language: "pt-BR" and "Portuguese" are "pt"."""
    base = language.replace("_", "-").split("-")[0].strip().casefold()
    return _LANGUAGES.get(base, base)


def is_number_word(word: str, language: str) -> bool:
    """Whether a word without capitals is, or has between hyphens, a number, a month or a day of the week."""
    if len(word) > _LONGEST:
        return False
    if language:
        pattern = NUMBERS.get(language)
        return pattern is not None and any(pattern.fullmatch(part) for part in (word, *word.split("-")))
    return any(NUMBERS["en"].fullmatch(part) for part in word.split("-")) or (
        len(word) >= _TELLING and any(pattern.fullmatch(word) for pattern in NUMBERS.values()))


def is_negation(word: str, language: str) -> bool:
    """Whether a word without capitals says no."""
    if language == "fr" and word.startswith(SHORT_NE):
        return True
    return word in NEGATIONS.get(language, ()) or (language in ("en", "") and word.endswith(NOT))
