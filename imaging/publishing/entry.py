"""JSON objects as frozen values: what is read has the types that the value's class declares, or is refused.

A manifest can be anybody's bytes. One of wrong types that got through would raise somewhere later, at every retry.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints

NOT_STORED = object()
"""Marks a field, in its annotation, that is never written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value that is stored as a JSON object. `more` holds fields that a newer version wrote: kept, not understood."""

    more: Annotated[Mapping[str, Any], NOT_STORED] = field(default_factory=dict)

    @classmethod
    def read(cls, plain: Any) -> Self:
        """The value that a JSON object holds; ValueError, TypeError or KeyError where it holds none of this class."""
        if not isinstance(plain, Mapping):
            raise TypeError(f"{plain!r:.100} is no JSON object")
        kinds = stored_fields(cls)  # type: ignore[arg-type]  # mypy takes the class for its instances
        known = {name: _read(kind, plain[name]) for name, kind in kinds.items() if name in plain}
        return cls(**known, more={name: value for name, value in plain.items() if name not in kinds})

    def plain(self) -> dict[str, Any]:
        """The JSON object of this value. Empty fields are left out."""
        kinds = stored_fields(type(self))  # type: ignore[arg-type]
        values = ((name, _plain(getattr(self, name))) for name in kinds)
        return {**{name: value for name, value in values if value not in (None, "", [], {})}, **self.more}


@cache
def stored_fields(kind: Any) -> Mapping[str, Any]:
    """The type of every field that is stored, by its name."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: hints[each.name] for each in fields(kind) if NOT_STORED not in get_args(hints[each.name])}


def bare(kind: Any) -> Any:
    """The type without what `Annotated` and `| None` add to it."""
    if get_origin(kind) is Annotated:
        return bare(get_args(kind)[0])
    if isinstance(kind, UnionType):
        return bare(next(each for each in get_args(kind) if each is not type(None)))
    return kind


def _read(kind: Any, plain: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _read(get_args(kind)[0], plain)
    if plain is None and isinstance(kind, UnionType):
        return None
    kind = bare(kind)
    if is_dataclass(kind):
        assert isinstance(kind, type)
        assert issubclass(kind, Entry)
        return kind.read(plain)
    if get_origin(kind) is tuple:
        return tuple(_items(get_args(kind), plain))
    if get_origin(kind) is Mapping:
        _require(isinstance(plain, dict), kind, plain)
        return {name: _read(get_args(kind)[1], value) for name, value in plain.items()}
    return _one(kind, plain)


def _items(kinds: tuple[Any, ...], plain: Any) -> Iterator[Any]:
    _require(isinstance(plain, list), "list", plain)
    if kinds[1:] == (...,):
        kinds = kinds[:1] * len(plain)
    for kind, item in zip(kinds, plain, strict=True):
        yield _read(kind, item)


def _one(kind: Any, plain: Any) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(plain)
        _require(moment.tzinfo is not None, "time with its zone", plain)
        return moment
    if kind is float and type(plain) is int:
        plain = float(plain)
    _require(type(plain) is kind, kind, plain)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Entry):
        return value.plain()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _require(valid: bool, kind: Any, plain: Any) -> None:
    if not valid:
        raise TypeError(f"{plain!r:.100} is no {kind}")
