"""The commands of `chatd`, a module each; `chatd.console.main` has their table."""
