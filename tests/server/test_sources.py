"""Where settings come from, and which source beats which (`chatd.server.sources`)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent

from chatd.server.settings import Settings
from chatd.server.sources import (
    BadSetting,
    Found,
    look_into,
    mistakes,
    read_environment,
    settled,
)


def write(path: Path, text: str) -> str:
    file = path / "chatd.toml"
    file.write_text(text)
    return str(file)


def problem(config: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(BadSetting) as raised:
        settled({}, environment or {}, config)
    return str(raised.value)


def test_settings_without_any_source_are_the_defaults() -> None:
    """An unconfigured server runs."""
    assert settled({}, {}, None) == Settings()


def test_command_line_overrides_environment_overrides_file(tmp_path: Path) -> None:
    """For each option separately."""
    file = write(tmp_path, "history = 10\nmax-text = 100\nmax-rooms = 7\n")
    environment = {"CHATD_HISTORY": "20", "CHATD_MAX_TEXT": "200"}
    settings = settled({"history": 30}, environment, file)
    assert (settings.history, settings.max_text, settings.max_rooms) == (30, 200, 7)


def test_the_environment_may_name_the_configuration_file(tmp_path: Path) -> None:
    """A container is configured by its environment only."""
    file = write(tmp_path, "history = 10\n")
    assert settled({}, {"CHATD_CONFIG": file}, None).history == 10


def test_repeatable_options_are_lists_in_a_file_and_words_in_the_environment(
    tmp_path: Path,
) -> None:
    """A single value needs no list."""
    file = write(tmp_path, 'line = ["tcp:1", "tcp:2"]\nhttp = "tcp:3"\n')
    doors = settled({}, {"CHATD_CLASSIC": "tcp:4 tcp:5"}, file).doors
    assert doors["line"] == ("tcp:1", "tcp:2")
    assert doors["http"] == ("tcp:3",)
    assert doors["classic"] == ("tcp:4", "tcp:5")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\nmax-romms = 5\n", "line 2: max-romms is no setting; did you mean max-rooms?"),
        ("history = 0\n", "line 1: history '0' is not a number from 1 to 1000000000"),
        ('history = "many"\n', "line 1: history 'many' is not a number"),
        ("history = true\n", "line 1: history takes a text or a number"),
        ("history = [1, 2]\n", "line 1: history takes one value, not a list"),
        ("line = [[1]]\n", "line 1: line takes a text or a number"),
        ("[doors]\nline = 5\n", "line 1: doors is no setting; there are no tables"),
        ("history = 5\nhistory = 6\n", "line 2: history is given twice; keep one"),
        ("history = 5\nhistory = 6", "line 2: history is given twice; keep one"),
        ("host = [", "line 1: this is no TOML: Invalid value, at the end of the file"),
        (
            'http = "tcp:65536"\n',
            "line 1: http 'tcp:65536' is no endpoint (ports are numbers up to",
        ),
        ('store = "mysql:x"\n', "line 1: store 'mysql:x' is no store; use memory:, sqlite:PATH"),
        ('auth = "file:/nowhere"\n', "line 1: auth '/nowhere' cannot be read: No such file"),
        ('durability = "disc"\n', "line 1: durability 'disc' is none of disk, process"),
        ('trust-proxy = "10.0.0.0/99"\n', "line 1: trust-proxy"),
        ("history = \n", "line 1: this is no TOML: Invalid value, at column 11"),
        ("config = 'x'\n", "line 1: config is no setting"),
    ],
)
def test_a_mistake_in_the_file_is_reported_with_its_line(
    tmp_path: Path, text: str, told: str
) -> None:
    """In one line, with the most similar key for a misspelt one."""
    message = problem(write(tmp_path, text))
    assert told in message
    assert "chatd.toml" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"CHATD_HISTORY": "x"}, "CHATD_HISTORY 'x' is not a number"),
    ],
)
def test_a_mistake_in_the_environment_names_its_variable(
    environment: dict[str, str], told: str
) -> None:
    """A value that cannot be is not passed over in silence."""
    with pytest.raises(BadSetting) as raised:
        read_environment(environment)
    assert told in str(raised.value)


def test_an_unknown_variable_is_logged_and_does_not_end_the_start() -> None:
    """It may be misspelt, or another program's."""
    with capturedLogs() as logs:
        assert read_environment({"CHATD_HISTROY": "1", "CHATD_CMD": "x"}) == {}
    told = " ".join(formatEvent(event) or "" for event in logs)
    assert "CHATD_HISTROY is no setting; did you mean CHATD_HISTORY?" in told
    assert "CHATD_CMD is no setting" in told


def test_an_unreadable_configuration_file_is_an_error(tmp_path: Path) -> None:
    """A missing file, a directory, or a file that is no text."""
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing.toml", tmp_path, binary):
        with pytest.raises(BadSetting, match="cannot read the configuration"):
            look_into(path).valid()


@given(st.text(max_size=200))
def test_any_file_gives_settings_or_bad_setting(text: str) -> None:
    """No text makes reading it raise anything else."""
    with TemporaryDirectory() as directory, suppress(BadSetting):
        file = Path(directory) / "chatd.toml"
        file.write_text(text, newline="")
        settled({}, {}, str(file))


def test_a_flag_is_a_word_in_the_environment_and_a_boolean_in_a_file(tmp_path: Path) -> None:
    """Anything else is an error."""
    file = write(tmp_path, "plain-passwords = true\n")
    assert settled({}, {}, file).rules.plain_passwords
    assert settled({}, {"CHATD_PLAIN_PASSWORDS": "yes"}, None).plain_passwords
    assert not settled({}, {"CHATD_PLAIN_PASSWORDS": "off"}, file).plain_passwords
    assert "neither true nor false" in problem(file, {"CHATD_PLAIN_PASSWORDS": "perhaps"})
    assert "takes true or false" in problem(write(tmp_path, "plain-passwords = 1\n"))


def test_settings_that_contradict_each_other_are_told_with_their_places(tmp_path: Path) -> None:
    """Each where it stands; what the command line says has no place."""
    file = write(tmp_path, 'max-rooms = 5\nclassic = "tcp:1"\nguests = "none"\n')
    assert problem(file).endswith(f"(classic: {file}, line 2; guests: {file}, line 3)")
    (told,) = mistakes(Found(), {"CHATD_GUESTS": "read"}, file).mistakes
    assert told.endswith(f"(classic: {file}, line 2; guests: CHATD_GUESTS)")
    (told,) = mistakes(Found({"guests": "read"}), {}, file).mistakes
    assert told.endswith(f"(classic: {file}, line 2)")
    with pytest.raises(BadSetting) as raised:
        settled({"guests": "read"}, {}, file)
    assert str(raised.value) == told


def test_all_mistakes_are_found_where_a_start_ends_with_the_first(tmp_path: Path) -> None:
    """In the order file, environment, command line.  Conflicts between settings are found only if
    each of them is valid.
    """
    file = write(tmp_path, "history = 0\nhistroy = 1\nmax-rooms = 5\n")
    found = mistakes(Found(mistakes=["--x is wrong"]), {"CHATD_IDLE": "x"}, file)
    told = [mistake.partition(": ")[2] or mistake for mistake in found.mistakes]
    assert [mistake.split()[0] for mistake in told] == ["history", "histroy", "CHATD_IDLE", "--x"]
    assert found.given == {"max_rooms": 5}
    found = mistakes(Found({"workers": 2}), {"CHATD_X": "1"}, None)
    assert found.mistakes == [
        "--workers 2 needs a store that processes share, redis://HOST; "
        "--store sqlite:chatd.sqlite is for one"
    ]
    assert found.unknown == ["CHATD_X is no setting"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"history = " + b"9" * 5000, "this is no configuration: Exceeds the limit"),
        (b"history = 0x" + b"f" * 5000, "history 'a number of thousands of digits' is not"),
        (b"history = " + b"[" * 5000, "this is no configuration: maximum recursion depth"),
        (b'"his\\ntory" = 1', r"line 1: 'his\ntory' is no setting"),
        (b"\xff\xfeh\x00", "line 1 is not UTF-8"),
        (b"history = nan", "history 'nan' is not a number"),
        (b"message-rate = nan", "message-rate 'nan' is not a number"),
        (b"keep = -1", "keep '-1' is not a number"),
        (b"http = [['tcp:80']]", "http takes a text or a number"),
        (b"[http]\nport = 80", "line 1: http takes a text or a number"),
    ],
)
def test_a_file_that_nobody_meant_is_refused_in_one_line(
    tmp_path: Path, data: bytes, told: str
) -> None:
    """The parser's own limits, too, are told as mistakes of the file."""
    path = tmp_path / "chatd.toml"
    path.write_bytes(data)
    (mistake,) = look_into(path).mistakes
    assert told in mistake
    assert "\n" not in mistake


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    """With a byte order mark and its ends of lines."""
    path = tmp_path / "chatd.toml"
    path.write_bytes(b"\xef\xbb\xbf# chat\r\nhistory = 7\r\n")
    found = look_into(path)
    assert (found.given, found.places) == ({"history": 7}, {"history": f"{path}, line 2"})


def test_a_configuration_that_is_not_utf_8_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    """And with what to do."""
    file = tmp_path / "chatd.toml"
    file.write_bytes("history = 5\nirc-network = 'Grüße'\n".encode("latin-1"))
    assert look_into(file).mistakes == [
        f"cannot read the configuration {file}: line 2 is not UTF-8; save the file in that encoding"
    ]
