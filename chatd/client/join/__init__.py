"""`chatd join`: the client for a terminal, on prompt_toolkit."""
