"""Sentences for people: English text that keeps its template, so that the window can translate it."""

from __future__ import annotations


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Mark a text for translation without Qt; gives the text back."""
    return text


class Sentence(str):
    """A finished English sentence that remembers what it was made of."""

    template: str
    values: dict[str, object]


def say(template: str, **values: object) -> Sentence:
    """Fill `template` (``str.format`` fields) and remember both for the translator."""
    sentence = Sentence(template.format(**values))
    sentence.template, sentence.values = template, values
    return sentence
