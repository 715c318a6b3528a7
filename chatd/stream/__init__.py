"""Event logs and their readers, without sockets: feeds, subscribers, fan-out."""
