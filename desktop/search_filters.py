"""What the filters of a search leave: where to look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from desktop.library import Library
from desktop.library.search import Scope
from desktop.search_query import Matcher, Plan, Term, beginning_of_name, date_range


@dataclass(frozen=True)
class Where:
    """A tag is that of a recording and of all in it, or that of a quote."""

    scope: Scope
    quotes: Scope  # without the tags that are wanted
    quote_tags: tuple[str, ...] | None = None  # None: any, and none
    tagged: frozenset[int] = frozenset()  # recordings with the tags that are wanted
    without_quote_tags: tuple[str, ...] = ()


def where_to_look(library: Library, plan: Plan) -> Where:
    """Filters of one name: any of them."""
    def speakers(is_negated: bool) -> set[int]:
        return set().union(*(library.speakers_named(beginning_of_name(value, library.known))
                             for value in plan.values("speaker", is_negated)))

    scope = Scope(_recordings(library, plan), frozenset(speakers(False)) if plan.values("speaker") else None,
                  frozenset(speakers(True)), tuple(map(str.lower, plan.values("lang"))),
                  tuple(map(str.lower, plan.values("lang", True))))
    return _with_tags(library, plan, Where(scope, scope))


def _recordings(library: Library, plan: Plan) -> frozenset[int] | None:
    found: set[int] | None = None
    ids: Callable[[Library, Sequence[str]], set[int]]
    for name, ids in (("project", _of_projects), ("date", _of_dates)):
        if values := plan.values(name):
            found = ids(library, values) if found is None else found & ids(library, values)
        if values := plan.values(name, True):
            found = (library.all_recordings() if found is None else found) - ids(library, values)
    return None if found is None else frozenset(found)


def _of_projects(library: Library, values: Sequence[str]) -> set[int]:
    return library.recordings_of_projects([p.id for p in library.projects() if _begins_with(p.name, values)])


def _of_dates(library: Library, values: Sequence[str]) -> set[int]:
    return set().union(*(library.dated_recordings(*found) for value in values if (found := date_range(value))))


def _with_tags(library: Library, plan: Plan, where: Where) -> Where:
    wanted, unwanted = plan.values("tag"), plan.values("tag", True)
    if unwanted:
        left = library.all_recordings() if where.scope.recordings is None else where.scope.recordings
        scope = replace(where.scope, recordings=frozenset(left) - library.tagged_recordings(
            _named(library.tags(), unwanted)))
        where = Where(scope, scope, without_quote_tags=_named(library.quote_tags(), unwanted))
    if wanted:
        tagged = frozenset(library.tagged_recordings(_named(library.tags(), wanted)))
        left = tagged if where.scope.recordings is None else tagged & where.scope.recordings
        where = replace(where, scope=replace(where.scope, recordings=left), tagged=tagged,
                        quote_tags=_named(library.quote_tags(), wanted))
    return where


def _named(names: Iterable[str], values: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if _begins_with(name, values))


def _begins_with(name: str, values: Sequence[str]) -> bool:
    """Whether a word of the name begins with one of the values."""
    return any(Matcher([Term(value.rstrip("*"), is_beginning=True)]).all_in(name) for value in values)
