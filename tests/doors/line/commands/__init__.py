"""The commands of the line door."""
