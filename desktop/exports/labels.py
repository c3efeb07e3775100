"""Who spoke when, for programs that show or measure sound: RTTM, Audacity labels and ELAN."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from xml.etree import ElementTree

from desktop.exports.lines import for_xml, one_line
from desktop.exports.options import Options
from desktop.exports.turns import speaker
from desktop.model import Segment, TranscriptDocument

_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"  # names of the standard, nothing is fetched
_SHORTEST = 0.001  # seconds; readers drop what has no length
Element = ElementTree.Element


def rttm(document: TranscriptDocument, options: Options) -> bytes:
    """NIST's lines of ten fields: file, channel, start, length and speaker; no words."""
    file = _token(document.recording.title)
    lines = [f"SPEAKER {file} 1 {segment.start:.3f} {max(_SHORTEST, segment.end - segment.start):.3f} <NA> <NA> "
             f"{_token(speaker(document, segment))} <NA> <NA>\n" for segment in document.segments]
    return "".join(lines).encode()


def _token(text: str) -> str:
    """Text as one field: without blanks."""
    return "_".join(one_line(text).split()) or "<NA>"


def audacity(document: TranscriptDocument, options: Options) -> bytes:
    """A label track: start, end and "Name: text" between tabs."""
    lines = []
    for segment in document.segments:
        name = speaker(document, segment)
        text = one_line(f"{name}: {segment.text}" if name else segment.text)
        lines.append(f"{segment.start:.6f}\t{max(segment.end, segment.start):.6f}\t{text}\n")
    return "".join(lines).encode()


def eaf(document: TranscriptDocument, options: Options) -> bytes:
    """ELAN's annotations: a tier for each speaker, and one below it for translations."""
    root = Element("ANNOTATION_DOCUMENT", {
        "AUTHOR": "", "DATE": _date(document.transcript.created_at), "FORMAT": "3.0", "VERSION": "3.0",
        f"{{{_SCHEMA_INSTANCE}}}noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"})
    ElementTree.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    order = ElementTree.SubElement(root, "TIME_ORDER")
    slots = _slots(document.segments, order)
    numbers = count(1)
    for name, places in _lanes(document).items():
        _tier(root, name, [(document.segments[n], *slots[n]) for n in places], numbers)
    ElementTree.SubElement(root, "LINGUISTIC_TYPE", {
        "LINGUISTIC_TYPE_ID": "speech", "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"})
    ElementTree.SubElement(root, "LINGUISTIC_TYPE", {
        "LINGUISTIC_TYPE_ID": "translation", "TIME_ALIGNABLE": "false", "GRAPHIC_REFERENCES": "false",
        "CONSTRAINTS": "Symbolic_Association"})
    ElementTree.SubElement(root, "CONSTRAINT", {
        "STEREOTYPE": "Symbolic_Association", "DESCRIPTION": "1-1 association with a parent annotation"})
    ElementTree.indent(root, " ")
    return bytes(ElementTree.tostring(root, "utf-8", xml_declaration=True)) + b"\n"


def _date(created_at: str) -> str:
    try:
        return datetime.fromisoformat(created_at).isoformat()
    except ValueError:
        return "1970-01-01T00:00:00+00:00"


def _milliseconds(segment: Segment) -> tuple[int, int]:
    start = round(segment.start * 1000)
    return start, max(start + 1, round(segment.end * 1000))


def _slots(segments: tuple[Segment, ...], order: Element) -> dict[int, tuple[str, str]]:
    """Two slots of its own for each segment, by its place in the document; written in the order of time."""
    ends = sorted((time, n, which) for n, segment in enumerate(segments)
                  for which, time in enumerate(_milliseconds(segment)))
    names: dict[tuple[int, int], str] = {}
    for number, (time, n, which) in enumerate(ends, 1):
        names[n, which] = f"ts{number}"
        ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(time)})
    return {n: (names[n, 0], names[n, 1]) for n in range(len(segments))}


def _lanes(document: TranscriptDocument) -> dict[str, list[int]]:
    """Places of segments by the name of their tier; what overlaps goes to a second one, as ELAN allows no overlap."""
    lanes: dict[str, list[int]] = {}
    ends: dict[str, int] = {}
    for place, segment in sorted(enumerate(document.segments), key=lambda item: item[1].start):
        start, end = _milliseconds(segment)
        name = for_xml(speaker(document, segment)) or "nobody named"
        lane = next(lane for n in count(1) if ends.get(lane := name if n == 1 else f"{name} ({n})", 0) <= start)
        lanes.setdefault(lane, []).append(place)
        ends[lane] = end
    return lanes


def _tier(root: Element, name: str, segments: list[tuple[Segment, str, str]], numbers: count[int]) -> None:
    tier = ElementTree.SubElement(root, "TIER", {"TIER_ID": name, "PARTICIPANT": name,
                                                 "LINGUISTIC_TYPE_REF": "speech"})
    translated = []
    for segment, start, end in segments:
        own = f"a{next(numbers)}"
        _annotation(tier, "ALIGNABLE_ANNOTATION", own, segment.text,
                    {"TIME_SLOT_REF1": start, "TIME_SLOT_REF2": end})
        if segment.translation:
            translated.append((own, segment.translation))
    if translated:
        below = ElementTree.SubElement(root, "TIER", {"TIER_ID": f"{name} – translation", "PARTICIPANT": name,
                                                      "LINGUISTIC_TYPE_REF": "translation", "PARENT_REF": name})
        for parent, text in translated:
            _annotation(below, "REF_ANNOTATION", f"a{next(numbers)}", text, {"ANNOTATION_REF": parent})


def _annotation(tier: Element, kind: str, own: str, text: str, refers: dict[str, str]) -> None:
    outer = ElementTree.SubElement(tier, "ANNOTATION")
    inner = ElementTree.SubElement(outer, kind, {"ANNOTATION_ID": own, **refers})
    ElementTree.SubElement(inner, "ANNOTATION_VALUE").text = for_xml(text)
