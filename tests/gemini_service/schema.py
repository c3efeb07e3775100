"""Which JSON schemas the service takes for a structured answer."""

from __future__ import annotations

from typing import Any

from .records import Refusal

TYPES = ("array", "boolean", "integer", "number", "object", "string")
KNOWN = {"type", "properties", "required", "enum", "items", "minItems", "maxItems", "description", "title",
         "format", "minimum", "maximum", "additionalProperties"}
IGNORED = {"minLength", "maxLength", "pattern", "minProperties", "maxProperties", "uniqueItems", "contains",
           "minContains", "maxContains"}
DEEPEST = 8
MOST_ITEMS = 10_000     # of nested arrays together


def refuse(path: str, problem: str) -> Refusal:
    return Refusal(400, "invalid_request", f"response_format.schema{path}: {problem}")


def check_schema(schema: Any, path: str = "", depth: int = 0, items: int = 1) -> None:
    """Refuse what lies outside the documented subset; anyOf, $ref and null types are left out on purpose."""
    if not isinstance(schema, dict) or schema.get("type") not in TYPES:
        raise refuse(path, f"needs one of the types {TYPES}")
    unknown = schema.keys() - KNOWN - IGNORED
    if unknown:
        raise refuse(path, f"unsupported keywords {sorted(unknown)}")
    items *= schema.get("maxItems", 1)
    if depth > DEEPEST or items > MOST_ITEMS:
        raise refuse(path, "the schema is too complex")
    if schema["type"] == "object":
        _check_object(schema, path, depth, items)
    if schema["type"] == "array":
        if "items" not in schema:
            raise refuse(path, "an array needs items")
        check_schema(schema["items"], path + ".items", depth + 1, items)
    if "enum" in schema and (schema["type"] != "string" or not all(schema["enum"])):
        raise refuse(path, "enum is for strings, none of them empty")


def _check_object(schema: dict[str, Any], path: str, depth: int, items: int) -> None:
    properties = schema.get("properties")
    if not properties:
        raise refuse(path, "an object needs properties")
    missing = set(schema.get("required", [])) - properties.keys()
    if missing:
        raise refuse(path, f"required properties that do not exist: {sorted(missing)}")
    for name, part in properties.items():
        check_schema(part, f"{path}.{name}", depth + 1, items)
