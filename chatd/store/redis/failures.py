"""What goes wrong on a connection."""


class Lost(Exception):
    """The connection is gone; whether the command was carried out is not known."""


class Refused(Exception):
    """The server has refused a command, which was not carried out."""
