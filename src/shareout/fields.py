"""Classes of named fields: `@dataclass` of the standard library, made so that no start waits for it.

That one writes and compiles up to nine methods of each class as it is defined, and imports `inspect`: a fourth of a
run's start, with its hundred and more classes. Most of them are never called before the first job. Here each is written
when it is first called. Whoever checks types sees the standard one; `fields`, `replace`, `asdict` and `match` do what
they do there. What nothing of ours uses is left out: classes without slots, `InitVar`, `kw_only`, a text in place of a
docstring.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import asdict as asdict
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import fields as fields
    from dataclasses import replace as replace
    from typing import Any

    Text = Callable[[str, Any], str]
    """Of a method, by its name and its class."""

_NOT_GIVEN: Any = object()


class Field:
    """One of a class: its name, what it is when it is not given, and where it takes part."""

    __slots__ = ("compare", "default", "factory", "init", "name", "shown")

    def __init__(self, default: Any, factory: Any, *, init: bool, shown: bool, compare: bool) -> None:
        self.name = ""
        self.default, self.factory = default, factory
        self.init, self.shown, self.compare = init, shown, compare


if not TYPE_CHECKING:

    def dataclass(*, frozen=False, slots=True, order=False):
        """The class again, with slots for its fields and the methods that compare, show and make it."""
        assert slots
        return lambda kind: _made(kind, frozen=frozen, order=order)

    def field(*, default=_NOT_GIVEN, default_factory=_NOT_GIVEN, init=True, repr=True, compare=True):  # noqa: A002
        """What the value of a field in the class's body says, when a mere default does not."""
        return Field(default, default_factory, init=init, shown=repr, compare=compare)

    def fields(of):
        """All of a class, or of one of it, in their order."""
        return of._fields_

    def replace(one, /, **changes):
        """Another of its kind, with these fields changed."""
        kept = {at.name: getattr(one, at.name) for at in one._fields_ if at.init and at.name not in changes}
        return type(one)(**kept, **changes)

    def asdict(one):
        """Its fields by their names, and so with what is in them."""
        return {at.name: _plain(getattr(one, at.name)) for at in one._fields_}


def _plain(value: Any) -> Any:
    if hasattr(value, "_fields_"):
        return asdict(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


class _Standard:
    """What the standard library's own functions look for, made when they do."""

    def __get__(self, one: object, kind: Any) -> dict[str, Any]:
        import dataclasses

        given: Any = dataclasses
        made = {}
        for at in kind._fields_:
            says = {"default": at.default, "default_factory": at.factory}
            says = {name: value for name, value in says.items() if value is not _NOT_GIVEN}
            made[at.name] = told = given.field(**says, init=at.init, repr=at.shown, compare=at.compare)
            told.name, told.type, told._field_type = at.name, kind.__annotations__.get(at.name), given._FIELD
        return made


def _made(old: type, *, frozen: bool, order: bool) -> type:
    body = dict(vars(old))
    known = {at.name: at for base in reversed(old.__mro__[1:]) for at in vars(base).get("_fields_", ())}
    own = {name: _own(name, body.pop(name, _NOT_GIVEN)) for name in body.get("__annotations__", ())}
    of_class = {
        "__slots__": tuple(name for name in own if name not in known),
        "__match_args__": tuple(name for name, at in (known | own).items() if at.init),
        "__dataclass_fields__": _Standard(),
        "__qualname__": old.__qualname__,
        "_fields_": tuple((known | own).values()),
    }
    if frozen:
        of_class |= {"__setattr__": _refuse, "__delattr__": _refuse, "__setstate__": _set_state}
    for name in ("__dict__", "__weakref__"):
        body.pop(name, None)
    shown = {"__repr__": _shown, "__hash__": None}
    kind = type(old)(old.__name__, old.__bases__, {**shown, **body, **of_class})
    for name, text in _texts(frozen=frozen, order=order).items():
        if name not in body:
            setattr(kind, name, _written_when_called(kind, name, text))
    return kind


def _texts(*, frozen: bool, order: bool) -> dict[str, Text]:
    """Of the methods that are written when they are called."""
    texts = {"__init__": _init_text, "__eq__": _compare_text("==")}
    if frozen:
        texts["__hash__"] = _hash_text
    if order:
        texts |= {"__lt__": _compare_text("<"), "__le__": _compare_text("<="),
                  "__gt__": _compare_text(">"), "__ge__": _compare_text(">=")}  # fmt: skip
    return texts


def _own(name: str, said: Any) -> Field:
    one = said if isinstance(said, Field) else Field(said, _NOT_GIVEN, init=True, shown=True, compare=True)
    one.name = name
    return one


def _written_when_called(kind: Any, name: str, text: Text) -> Any:
    """A method that puts the written one into its place. Two threads may both do so: both are the same."""

    def first(self: object, /, *values: Any, **named: Any) -> Any:
        words: dict[str, Any] = {"_not_given": _NOT_GIVEN}
        for at in kind._fields_:
            # Frozen or not, and faster than by its name.
            words |= {f"_set_{at.name}": getattr(kind, at.name).__set__}
            words |= {f"_default_{at.name}": at.default, f"_factory_{at.name}": at.factory}
        exec(text(name, kind), words)
        method = words[name]
        method.__qualname__, method.__module__ = f"{kind.__qualname__}.{name}", kind.__module__
        setattr(kind, name, method)
        return method(self, *values, **named)

    return first


def _init_text(name: str, kind: Any) -> str:
    heads, lines = ["self"], []
    for at in kind._fields_:
        value = at.name
        if at.factory is not _NOT_GIVEN:
            heads += [f"{at.name}=_not_given"] * at.init
            value = (
                f"_factory_{at.name}() if {at.name} is _not_given else {at.name}"
                if at.init
                else f"_factory_{at.name}()"
            )
        elif at.default is not _NOT_GIVEN:
            heads += [f"{at.name}=_default_{at.name}"] * at.init
            value = at.name if at.init else f"_default_{at.name}"
        elif at.init:
            heads.append(at.name)
        else:
            continue
        lines.append(f" _set_{at.name}(self, {value})")
    lines.append(" self.__post_init__()" if hasattr(kind, "__post_init__") else " pass")
    return f"def {name}({', '.join(heads)}):\n" + "\n".join(lines)


def _compare_text(sign: str) -> Text:
    def text(name: str, kind: Any) -> str:
        sides = [
            f"({''.join(f'{one}.{at.name}, ' for at in kind._fields_ if at.compare)})" for one in ("self", "other")
        ]
        return (
            f"def {name}(self, other):\n"
            f" return {sides[0]} {sign} {sides[1]} if other.__class__ is self.__class__ else NotImplemented"
        )

    return text


def _hash_text(name: str, kind: Any) -> str:
    return f"def {name}(self): return hash(({''.join(f'self.{at.name}, ' for at in kind._fields_ if at.compare)}))"


def _shown(self: Any) -> str:
    said = ", ".join(f"{at.name}={getattr(self, at.name)!r}" for at in self._fields_ if at.shown)
    return f"{type(self).__qualname__}({said})"


def _refuse(self: object, name: str, value: object = None) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__qualname__} is as it was made: {name} cannot be set")


def _set_state(self: object, state: tuple[None, dict[str, Any]]) -> None:
    """How a copy is made of one that is frozen, and of one that was pickled."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)
