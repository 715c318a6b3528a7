"""Numeric replies (RFC 1459, section 6): one table of all, and their formatter.

A row describes a numeric as documentation does: `nick channel :they are not on that channel`.  The
words before the `:` are parameters that the caller gives.  The text after it is fixed; if it is
empty, the caller gives it.
"""

from __future__ import annotations

from typing import NamedTuple

from .message import form


class Numeric(NamedTuple):
    """One numeric reply."""

    number: str
    words: tuple[str, ...]
    """What the parameters between the client's name and the text are."""
    text: str | None
    """The fixed text; empty if the caller gives it, None if the numeric has no text."""


def _numeric(number: int, words: str) -> Numeric:
    before, colon, text = f" {words}".partition(" :")
    return Numeric(f"{number:03}", tuple(before.split()), text if colon else None)


def write(numeric: Numeric, server: str, to: str, *given: str) -> str:
    """Format a numeric for the client `to`; `given` are its parameters, and its text unless fixed.

    Raises `ValueError` for a wrong number of parameters, which is a bug of the caller.
    """
    number, words, text = numeric
    count = len(words)
    if len(given) != count + (text == ""):
        raise ValueError(f"{number} takes {words}, and was given {given}")
    if text == "":
        text = given[count]
    return form(number, to, *given[:count], text=text, source=server)


def write_listed(numeric: Numeric, server: str, to: str, *given: str) -> str:
    """Format a numeric with any number of parameters and a fixed text: `005`, `354`."""
    text = numeric.text or None
    return form(numeric.number, to, *given, text=text, source=server)


def refused_as(numeric: Numeric) -> str:
    """The name under which a refusal is counted, as `irc-403`; empty if it is none."""
    return f"irc-{numeric.number}" if numeric.number in REFUSING else ""


# -- registration and the server -------------------------------------------------------------------

WELCOME = _numeric(1, ":")
YOURHOST = _numeric(2, ":")
CREATED = _numeric(3, ":")
MYINFO = _numeric(4, "server version usermodes channelmodes paramodes")
ISUPPORT = _numeric(5, "tokens :are supported by this server")
UMODEIS = _numeric(221, "modes")
LUSERCLIENT = _numeric(251, ":")
LUSEROP = _numeric(252, "count :operators online")
LUSERUNKNOWN = _numeric(253, "count :connections not registered yet")
LUSERCHANNELS = _numeric(254, "count :channels formed")
LUSERME = _numeric(255, ":")
ADMINME = _numeric(256, "server :administrative information")
ADMINLOC1 = _numeric(257, ":")
ADMINLOC2 = _numeric(258, ":")
ADMINEMAIL = _numeric(259, ":")
LOCALUSERS = _numeric(265, "here most :")
GLOBALUSERS = _numeric(266, "here most :")
VERSION = _numeric(351, "version server :")
ENDOFLINKS = _numeric(365, "mask :end of LINKS")
INFO = _numeric(371, ":")
MOTD = _numeric(372, ":")
ENDOFINFO = _numeric(374, ":end of INFO")
MOTDSTART = _numeric(375, ":")
ENDOFMOTD = _numeric(376, ":end of MOTD")
YOUREOPER = _numeric(381, ":you are an administrator on this connection")
TIME = _numeric(391, "server :")
HELPSTART = _numeric(704, "subject :")
HELPTXT = _numeric(705, "subject :")
ENDOFHELP = _numeric(706, "subject :end of HELP")

# -- people ----------------------------------------------------------------------------------------

AWAY = _numeric(301, "nick :")
USERHOST = _numeric(302, ":")
ISON = _numeric(303, ":")
UNAWAY = _numeric(305, ":you are no longer marked as being away")
NOWAWAY = _numeric(306, ":you are marked as being away")
WHOISUSER = _numeric(311, "nick user host * :")
WHOISSERVER = _numeric(312, "nick server :")
WHOISOPERATOR = _numeric(313, "nick :is an administrator of this server")
WHOWASUSER = _numeric(314, "nick user host * :")
ENDOFWHO = _numeric(315, "mask :end of WHO")
ENDOFWHOIS = _numeric(318, "nick :end of WHOIS")
WHOISIDLE = _numeric(317, "nick seconds signon :seconds idle, time of sign-on")
WHOISCHANNELS = _numeric(319, "nick :")
WHOISACCOUNT = _numeric(330, "nick account :is signed in as")
WHOISBOT = _numeric(335, "nick :is a bot")
WHOREPLY = _numeric(352, "channel user host server nick flags :")
WHOSPCRPL = _numeric(354, "fields")
ENDOFWHOWAS = _numeric(369, "nick :end of WHOWAS")
WHOISSECURE = _numeric(671, "nick :is using a secure connection")
MONONLINE = _numeric(730, ":")
MONOFFLINE = _numeric(731, ":")
MONLIST = _numeric(732, ":")
ENDOFMONLIST = _numeric(733, ":end of MONITOR list")
MONLISTFULL = _numeric(734, "limit targets :the list is full; remove some names first")

# -- channels --------------------------------------------------------------------------------------

LISTSTART = _numeric(321, "Channel :Users Name")
LIST = _numeric(322, "channel people :")
LISTEND = _numeric(323, ":end of LIST")
CHANNELMODEIS = _numeric(324, "channel modes")
CREATIONTIME = _numeric(329, "channel time")
NOTOPIC = _numeric(331, "channel :no topic is set")
TOPIC = _numeric(332, "channel :")
TOPICWHOTIME = _numeric(333, "channel nick time")
INVITELIST = _numeric(336, "channel")
ENDOFINVITELIST = _numeric(337, ":end of INVITE list")
INVITING = _numeric(341, "nick channel")
NAMREPLY = _numeric(353, "symbol channel :")
ENDOFNAMES = _numeric(366, "channel :end of NAMES")
BANLIST = _numeric(367, "channel mask nick time")
ENDOFBANLIST = _numeric(368, "channel :end of the ban list")

# -- refusals --------------------------------------------------------------------------------------

UNKNOWNERROR = _numeric(400, "command :")
NOSUCHNICK = _numeric(401, "nick :no such nick")
NOSUCHCHANNEL = _numeric(403, "channel :no such channel")
CANNOTSENDTOCHAN = _numeric(404, "channel :")
TOOMANYCHANNELS = _numeric(405, "channel :")
WASNOSUCHNICK = _numeric(406, "nick :there was no such nick")
TOOMANYTARGETS = _numeric(
    407, "targets :send the message to one target at a time; nothing was sent"
)
INVALIDCAPCMD = _numeric(410, "subcommand :there is no such CAP command")
NORECIPIENT = _numeric(411, ":no recipient was given")
NOTEXTTOSEND = _numeric(412, ":there is no text to send")
INPUTTOOLONG = _numeric(417, ":that line was too long, and nothing of it was said")
UNKNOWNCOMMAND = _numeric(421, "command :")
NOMOTD = _numeric(422, ":there is no message of the day")
NONICKNAMEGIVEN = _numeric(431, ":no nick was given")
ERRONEUSNICKNAME = _numeric(432, "nick :")
NICKNAMEINUSE = _numeric(433, "nick :")
USERNOTINCHANNEL = _numeric(441, "nick channel :they are not on that channel")
NOTONCHANNEL = _numeric(442, "channel :you are not on that channel")
USERONCHANNEL = _numeric(443, "nick channel :is on that channel already")
NOTREGISTERED = _numeric(451, ":you have not registered yet; send NICK and USER first")
NEEDMOREPARAMS = _numeric(461, "command :not enough parameters")
ALREADYREGISTERED = _numeric(462, ":you have registered already")
PASSWDMISMATCH = _numeric(464, ":")
UNKNOWNMODE = _numeric(472, "mode :is no mode of this server")
INVITEONLYCHAN = _numeric(473, "channel :it is for members only; ask one of its operators (+i)")
BANNEDFROMCHAN = _numeric(474, "channel :")
NOPRIVILEGES = _numeric(481, ":")
BANLISTFULL = _numeric(478, "channel mode :")
CHANOPRIVSNEEDED = _numeric(482, "channel :")
NOOPERHOST = _numeric(491, ":")
UMODEUNKNOWNFLAG = _numeric(501, ":there is no such user mode")
USERSDONTMATCH = _numeric(502, ":you cannot change or see the modes of others")
HELPNOTFOUND = _numeric(524, "subject :no help on that; HELP lists the commands")
INVALIDMODEPARAM = _numeric(696, "channel mode param :")

# -- sign-in ---------------------------------------------------------------------------------------

LOGGEDIN = _numeric(900, "source account :")
SASLSUCCESS = _numeric(903, ":you are signed in")
SASLFAIL = _numeric(904, ":")
SASLTOOLONG = _numeric(905, ":that was too long")
SASLABORTED = _numeric(906, ":the sign-in was given up")
SASLALREADY = _numeric(907, ":you are signed in already")
SASLMECHS = _numeric(908, "mechanisms :are the ways to sign in")

_HARMLESS = (NOMOTD,)
"""Errors by their numbers that refuse nothing."""
_OTHERS = (MONLISTFULL, INVALIDMODEPARAM, SASLFAIL, SASLTOOLONG, SASLALREADY)
"""Refusals whose numbers are not among those of errors."""
REFUSING = frozenset(
    numeric.number
    for numeric in tuple(globals().values())
    if isinstance(numeric, Numeric)
    and (numeric.number[0] in "45" or numeric in _OTHERS)
    and numeric not in _HARMLESS
)
"""The numbers of all refusals."""
