"""A person's word on a host that may live, at the very moment in which it answers."""

from __future__ import annotations

from pathlib import Path

from shareout.joining.visiting import Visit
from shareout.ledger.calls import Root, key_of
from shareout.ledger.entry import Entry, parse
from shareout.ledger.verbs import Pen, Reached, moved_on, opened
from shareout.stores.charter import Charter, told_groups
from shareout.stores.folder.opening import open_folder

ROOTS = [Root("0.0", "alice", 0, 0, 4), Root("1.0", "bob", 0, 4, 4)]


def test_who_is_through_with_all_it_had_when_it_is_released_has_answered(tmp_path: Path) -> None:
    charter = Charter("ab" * 32, "cd" * 32, told_groups(()), ("alice", "bob"), dead_s=24.0, slack_s=0.0)
    with open_folder(tmp_path, charter).closing() as store:
        begins = Entry("", 0, 0, 4)
        store.put(key_of("0.0", 1), opened(begins, Pen(0, "alice/1-aaaa", "nonce1"), 4).text())
        visit = Visit(store, ROOTS)
        visit.read()
        assert visit.owned_by("alice") == 4

        def alice_ends_all() -> None:
            doubt = parse("0.0", 2, store.get(key_of("0.0", 2)) or b"")
            assert doubt.verb == "doubt"
            store.put(key_of("0.0", 3), moved_on(doubt, Pen(2, "alice/1-aaaa", "nonce3"), Reached(4, 0), 4).text())

        assert not visit.release("alice", at_once=False, told=alice_ends_all)
        assert visit.owned_by("alice") == 0
