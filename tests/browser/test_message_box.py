"""The message box: commands, completion, pasted texts, and drafts."""

from playwright.sync_api import expect

from .people import NARROW, People
from .server import Server


def test_leave_shows_another_room_and_quit_leaves_the_chat(people: People, shared_server: Server):
    """The last room cannot be left."""
    bob = people.come(shared_server.url, "bob", room="exit")
    ada = people.come(shared_server.url, "ada", room="exit")
    ada.say("hello")
    bob.sees("hello")
    ada.say("/leave")
    ada.is_in("#lobby")
    rooms = ada.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#exit")).to_have_count(0)
    expect(bob.log.locator(".leave")).to_contain_text("ada left")
    bob.say("is she gone?")
    bob.sees("is she gone?")
    ada.say("/leave")
    expect(ada.page.get_by_role("alert")).to_contain_text("your only room")
    ada.say("/join exit")
    ada.sees("is she gone?")
    ada.say("/quit")
    expect(bob.log.locator(".leave")).to_have_count(2)
    expect(ada.name_box).to_be_visible()
    assert ada.token == ""


def test_nick_renames_and_a_reload_keeps_the_name(people: People, shared_server: Server):
    """In the same rooms, without a leave. A name in use is refused, and the text is kept."""
    bob = people.come(shared_server.url, "bob", room="nicks")
    ada = people.come(shared_server.url, "ada", room="nicks")
    ada.say("/nick Zoe")
    expect(ada.name_box).to_have_value("Zoe")
    expect(bob.log.locator(".nick")).to_contain_text("ada is now Zoe")
    ada.page.reload()
    expect(ada.name_box).to_have_value("Zoe")
    ada.say("still me")
    bob.sees("still me")
    expect(ada.log.locator(".own .text").last).to_have_text("still me")
    expect(bob.log.locator(".leave")).to_have_count(0)
    ada.say("/nick bob")
    expect(ada.page.get_by_role("alert")).to_contain_text("bob")
    expect(ada.box).to_have_value("/nick bob")


def test_unsent_texts_and_drafts_survive_a_reload(people: People, shared_server: Server):
    """In the message box."""
    ada = people.come(shared_server.url, "ada", room="drafts")
    ada.say("said")
    ada.sees("said")
    ada.page.route("**/messages", lambda route: None)
    ada.say("on its way")
    expect(ada.page.get_by_text("Not sent yet")).to_be_visible()
    ada.box.fill("only begun")
    ada.page.on("dialog", lambda dialog: dialog.accept())
    ada.page.reload()
    expect(ada.box).to_have_value("on its way\nonly begun")
    ada.page.unroute("**/messages")
    ada.box.press("Enter")
    ada.sees("on its way only begun")
    ada.page.reload()
    ada.sees("on its way only begun")
    expect(ada.box).to_have_value("")


def test_pasted_lines_are_one_message(people: People, shared_server: Server):
    """Spaces are kept, `//` is a slash, and markup is text."""
    ada = people.come(shared_server.url, "ada", room="paste")
    text = "def f():\n    return 1\n\n# <b>end</b>"
    ada.box.focus()
    ada.page.keyboard.insert_text(text)
    ada.page.keyboard.press("Enter")
    ada.say("//etc/hosts")
    ada.sees("/etc/hosts")
    assert ada.texts() == [text, "/etc/hosts"]


def test_names_complete_with_tab_and_after_at(people: People, shared_server: Server):
    """Arrow keys choose among several."""
    ada = people.come(shared_server.url, "ada", room="complete")
    ada.is_connected_over("websocket")
    for name in ("bella", "benno"):
        people.come(shared_server.url, name, room="complete").is_connected_over("websocket")
    expect(ada.page.locator("#people li")).to_have_count(3)
    keys = ada.page.keyboard
    ada.box.focus()
    keys.type("be")
    keys.press("Tab")
    expect(ada.box).to_have_value("bella: ")
    ada.box.fill("")
    keys.type("hi @be")
    expect(ada.page.get_by_role("option")).to_have_count(2)
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(ada.box).to_have_value("hi @benno ")


def test_join_suggests_rooms_and_msg_suggests_people(people: People, shared_server: Server):
    """A click takes a suggestion, Escape closes the list."""
    people.come(shared_server.url, "bob", room="suggested").is_connected_over("websocket")
    ada = people.come(shared_server.url, "suggested", room="suggesting")
    ada.is_connected_over("websocket")
    options = ada.page.get_by_role("option")
    keys = ada.page.keyboard
    ada.box.focus()
    keys.type("/join sug")
    expect(options).to_have_text(["suggested"])
    options.click()
    expect(ada.box).to_have_value("/join suggested")
    expect(ada.box).to_be_focused()
    keys.press("Enter")
    ada.is_in("#suggested")
    expect(ada.page.locator("#people li")).to_have_count(2)
    keys.type("/msg ")
    expect(options).to_have_text(["bob"])
    keys.press("Escape")
    expect(options).to_have_count(0)
    expect(ada.box).to_have_value("/msg ")


def test_suggestions_close_when_the_draft_changes(people: People, shared_server: Server):
    """Another room has another draft, which no suggestion must replace."""
    ada = people.come(shared_server.url, "ada", room="drafted")
    ada.is_connected_over("websocket")
    keys = ada.page.keyboard
    ada.box.focus()
    keys.type("/m")
    expect(ada.page.get_by_role("option")).to_have_count(4)  # me, msg, mute, members
    keys.press("Alt+ArrowDown")
    ada.is_in("#lobby")
    expect(ada.page.get_by_role("option")).to_have_count(0)
    expect(ada.box).to_have_value("")


def test_incomplete_commands_show_their_usage_and_change_nothing(
    people: People, shared_server: Server
):
    """The text stays in the box; `/topic` alone shows the topic."""
    ada = people.come(shared_server.url, "ada", room="bare")
    problem = ada.page.get_by_role("alert")
    ada.say("/topic")
    expect(ada.log.locator(".remark").last).to_contain_text("There is no topic yet")
    ada.say("/topic tea at five")
    expect(ada.page.locator("#topic")).to_have_text("tea at five")
    ada.say("/topic")
    expect(ada.log.locator(".remark").last).to_contain_text("The topic is: tea at five")
    expect(ada.log.locator(".topic")).to_have_count(1)
    for text, words in [
        ("/nick", "/nick NAME"),
        ("/nick a b", "one word"),
        ("/join", "/join ROOM"),
        ("/join a b", "one word"),
        ("/join a!b", "letters, digits"),
        ("/msg", "/msg NAME TEXT"),
        ("/me", "/me TEXT"),
        ("/Nope at all", "no command /Nope"),
        ("  /nick eve", "space before /nick"),
        (" /KICK eve", "space before /kick"),
        ("/leave nowhere", "not in #nowhere"),
    ]:
        ada.say(text)
        expect(problem).to_contain_text(words)
        expect(ada.box).to_have_value(text)
    ada.say("/topic -")
    expect(ada.page.locator("#topic")).to_have_text("")
    ada.say("/usr/bin/ld: not found")
    ada.sees("/usr/bin/ld: not found")
    ada.say("  /usr is full")
    ada.sees("/usr is full")
    ada.is_in("#bare")


def test_room_box_keeps_an_invalid_room_name(people: People, shared_server: Server):
    """Until a room is joined."""
    ada = people.come(shared_server.url, "ada", room="box")
    box = ada.page.get_by_label("Join a room")
    box.fill("two words")
    box.press("Enter")
    expect(ada.page.get_by_role("alert")).to_contain_text("one word")
    expect(box).to_have_value("two words")
    box.fill("#words")
    box.press("Enter")
    ada.is_in("#words")
    expect(box).to_have_value("")


COMPOSED = """(box, keyCode) => {
  const event = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
  Object.defineProperty(event, "keyCode", { value: keyCode });
  Object.defineProperty(event, "isComposing", { value: keyCode === 0 });
  box.dispatchEvent(event);
}"""
"""Press Enter to end a word in an input method; Safari marks it by key code 229 only."""


def test_enter_of_an_input_method_sends_nothing(people: People, shared_server: Server):
    """Neither a message nor a name."""
    ada = people.come(shared_server.url, room="ime")
    for code in (0, 229):
        ada.name_box.fill("eve")
        ada.name_box.evaluate(COMPOSED, code)
    ada.name_box.press("Escape")
    expect(ada.name_box).to_have_value("")
    ada.take_name("ada")
    expect(ada.page.locator("#account")).to_have_text("ada")
    for code in (0, 229):
        ada.box.fill("half a word")
        ada.box.evaluate(COMPOSED, code)
    ada.say("whole")
    ada.sees("whole")
    assert ada.texts() == ["whole"]
    ada.box.fill("by its code")
    ada.box.evaluate(COMPOSED, 13)
    ada.sees("by its code")


def test_name_is_changed_from_the_menu(people: People, shared_server: Server):
    """The name box is only shown as long as there is no name."""
    bob = people.come(shared_server.url, "bob", room="rename")
    ada = people.come(shared_server.url, "ada", room="rename")
    expect(ada.name_box).to_be_hidden()
    ada.box.fill("a draft")
    ada.take_name("bob")
    dialog = ada.page.get_by_role("dialog", name="Change your name")
    expect(dialog.get_by_role("alert")).to_contain_text("bob")
    dialog.get_by_label("Name").fill("zoe")
    dialog.get_by_label("Name").press("Enter")
    expect(bob.log.locator(".nick")).to_contain_text("ada is now zoe")
    expect(ada.page.locator("#account")).to_have_text("zoe")
    expect(ada.page.locator("#account")).to_be_focused()
    expect(ada.box).to_have_value("a draft")


def test_enter_on_a_phone_begins_a_new_line(people: People, shared_server: Server):
    """There is no Shift key; the button sends."""
    ada = people.come(
        shared_server.url, "ada", room="phone", size=NARROW, has_touch=True, is_mobile=True
    )
    ada.box.focus()
    keys = ada.page.keyboard
    keys.type("one")
    keys.press("Enter")
    keys.type("two")
    expect(ada.box).to_have_value("one\ntwo")
    expect(ada.box).to_have_attribute("enterkeyhint", "enter")
    ada.page.get_by_role("button", name="Send", exact=True).tap()
    ada.sees("one two")
    assert ada.texts() == ["one\ntwo"]


HAND_OVER = """(box, [type, files, text]) => {
  const data = new DataTransfer();
  if (files) data.items.add(new File(["x"], "picture.png", { type: "image/png" }));
  if (text) data.setData("text/plain", text);
  const given = type === "paste" ? { clipboardData: data } : { dataTransfer: data };
  const kind = type === "paste" ? ClipboardEvent : DragEvent;
  return box.dispatchEvent(new kind(type, { bubbles: true, cancelable: true, ...given }));
}"""


def test_pasted_or_dropped_pictures_are_refused_with_a_message(
    people: People, shared_server: Server
):
    """A text that comes with a picture is taken as text."""
    ada = people.come(shared_server.url, "ada", room="picture")
    problem = ada.page.get_by_role("alert")
    for kind in ("paste", "drop"):
        assert not ada.box.evaluate(HAND_OVER, [kind, True, ""])
        expect(problem).to_contain_text("Pictures and files cannot be sent")
        ada.box.fill("x")
        expect(problem).to_be_hidden()
        assert ada.box.evaluate(HAND_OVER, [kind, True, "a table"])
        assert ada.box.evaluate(HAND_OVER, [kind, False, "a text"])
        expect(problem).to_be_hidden()
