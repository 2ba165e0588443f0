"""What is told to browsers: the whole once, then what is new; and who is let in."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shareout.web.doors import refusal
from shareout.web.feed import Feed, patch, without_nulls

VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
STATES = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)
OURS = {"Host": "localhost:8421"}


def merged(old: Any, change: Any) -> Any:
    """RFC 7396, as the page does it."""
    if not isinstance(change, dict):
        return change
    made = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


@given(STATES, STATES)
def test_a_patch_makes_the_new_state_of_the_old_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, json.loads(json.dumps(patch(old, new)))) == new
    assert patch(new, new) == {}


def test_nothing_in_a_state_is_null_but_in_lists() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": [None]}}) == {"b": {"d": [None]}}


def test_a_reader_gets_the_whole_and_then_what_is_new_and_a_sign_of_life() -> None:
    states = iter([{"n": 1, "m": {"a": [1], "b": [2]}}, {"n": 2, "m": {"a": [1], "b": [3]}}, {"n": 3, "m": {}}])
    feed = Feed(lambda: next(states))
    feed._look_again()
    first = feed.after(0, 1)
    assert first == (1, b'{"whole":{"n":1,"m":{"a":[1],"b":[2]}}}')
    assert feed.after(1, 0) == (1, b"{}")
    feed._look_again()
    assert feed.after(1, 1) == (2, b'{"patch":{"n":2,"m":{"b":[3]}}}')
    feed._look_again()
    assert feed.after(1, 1) == (3, b'{"whole":{"n":3,"m":{}}}'), "who has missed one gets the whole"
    feed._look_again()
    told = feed.after(3, 1)
    assert told is not None
    assert b"cannot be looked at" in told[1], "a look that fails is told, and what was seen stays"
    feed.stop()
    assert feed.after(4, 1) is None


def test_who_is_let_in() -> None:
    right = {**OURS, "Authorization": "Bearer secret"}
    assert refusal(right, "secret") is None
    for host in ("localhost", "127.0.0.1:1", "[::1]:8421", "LOCALHOST:9"):
        assert refusal({**right, "Host": host}, "secret") is None
    for host in ("", "evil.com", "localhost.evil.com", "evil.com:8421", "127.0.0.1.evil.com:80", "[::2]:1"):
        assert (refusal({**right, "Host": host}, "secret") or (0,))[0] == 421, host
    for said in ("", "Bearer ", "Bearer secre", "Bearer secret2", "secret", "Basic secret", "Bearer s\xe9cret"):
        assert (refusal({**OURS, "Authorization": said}, "secret") or (0,))[0] == 401, said
    for site in ("cross-site", "same-site", "?"):
        assert (refusal({**right, "Sec-Fetch-Site": site}, "secret") or (0,))[0] == 403
        assert (refusal({**OURS, "Sec-Fetch-Site": site}, None) or (0,))[0] == 403
