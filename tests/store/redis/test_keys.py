"""The names of the keys in Redis."""

from __future__ import annotations

from chatd.store.redis.keys import Keys, room_name, table_name


def test_all_keys_of_a_chat_are_in_one_slot() -> None:
    """They share a hash tag, so that a script may use all of them on a cluster."""
    keys = Keys("chat", 0)
    names = [value for value in vars(keys).values() if isinstance(value, str)]
    names += [keys.room("dev"), keys.table("names"), keys.own("n1")]
    assert all(name.startswith("{chat}:") for name in names)


def test_chats_in_two_databases_of_one_server_have_two_channels() -> None:
    """Channels do not belong to a database."""
    assert Keys("chat", 0).feed != Keys("chat", 1).feed


def test_a_batch_names_rooms_and_tables_apart() -> None:
    """And says which tables are about connected people: their cells have an owner."""
    keys = Keys("chat", 0)
    assert keys.named(room_name("dev")) == keys.room("dev")
    assert keys.named(table_name("names")) == keys.named(table_name("names"))
    assert table_name("names")[0] == table_name("in:dev")[0] == "p"
    assert table_name("rooms")[0] == "d"
    assert keys.named(table_name("rooms")) == keys.table("rooms")
