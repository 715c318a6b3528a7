"""The page beside IRC and telnet: one room, one order."""

import pytest
from playwright.sync_api import expect

from ..kit.processes import Netcat
from .people import People
from .server import Server

ROOM = "one-chat"


@pytest.fixture
def irc(shared_server: Server):
    """A client of the IRC door, whose user is ivy, in the room."""
    client = Netcat(shared_server.irc)
    client.say("NICK ivy", "USER ivy 0 * :Ivy", f"JOIN #{ROOM}")
    client.hear(" 366 ivy ")
    yield client
    client.close()


@pytest.fixture
def telnet(shared_server: Server):
    """A client of the line door, whose user is tom, in the room."""
    client = Netcat(shared_server.line)
    client.say("/nick tom", f"/join {ROOM}")
    client.hear(f"you are in #{ROOM}")
    yield client
    client.close()


def test_page_irc_and_telnet_read_one_transcript(
    people: People, shared_server: Server, irc: Netcat, telnet: Netcat
):
    """Messages of several lines and topics among them."""
    ada = people.come(shared_server.url, "ada-irc", room=ROOM)
    irc.say(f"PRIVMSG #{ROOM} :from IRC")
    ada.sees("from IRC")
    telnet.hear("<ivy> from IRC")
    ada.say("one\ntwo")
    irc.hear(f" PRIVMSG #{ROOM} :one")
    irc.hear(f" PRIVMSG #{ROOM} :two")
    telnet.hear("two")
    telnet.say("from telnet")
    irc.hear(":tom!line@")
    irc.hear("from telnet")
    ada.sees("from telnet")
    irc.say(f"TOPIC #{ROOM} :tea at four")
    telnet.hear("ivy set the topic: tea at four")
    expect(ada.page.get_by_text("tea at four", exact=True).first).to_be_visible()
    irc.say("QUIT :bye")
    telnet.hear("ivy left")
    assert ada.texts()[:3] == ["from IRC", "one\ntwo", "from telnet"]
