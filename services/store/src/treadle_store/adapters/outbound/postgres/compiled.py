"""Statements made into text once: built from the tables like all others, but sent by psycopg itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.sql import Literal
from sqlalchemy import ARRAY, Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

_DIALECT: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
Converter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """Its parameters are those that had no value; `converters` are of those that psycopg would not send as they are."""

    text: bytes
    converters: Mapping[str, Converter]

    def converted(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**values, **{name: to(values[name]) for name, to in self.converters.items()}}


def compiled(statement: ClauseElement) -> Compiled:
    """Values of its own stand in the text, so that PostgreSQL knows them when it plans."""
    made: Any = statement.compile(dialect=_DIALECT)
    texts = {name: _text(name, value) for name, value in made.params.items()}
    asked = [name for name, value in made.params.items() if value is None]
    converters = {name: _converter(made.binds[name].type) for name in asked}
    return Compiled(
        text=(made.string.replace("%%", "%%%%") % texts).encode(),
        converters={name: to for name, to in converters.items() if to is not None},
    )


def _text(name: str, value: Any) -> str:
    return f"%({name})s" if value is None else Literal(value).as_string().replace("%", "%%")


def _converter(kind: TypeEngine[Any]) -> Converter | None:
    if isinstance(kind, ARRAY):
        of_each = _converter(kind.item_type)
        return None if of_each is None else lambda values: [*map(of_each, values)]
    return kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
