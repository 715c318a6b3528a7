"""The log and its readers, without sockets: event logs, feeds, subscribers, fan-out."""
