"""Who may join a network ledger: whoever has the token, and nobody else, whatever they send."""

from __future__ import annotations

import os
import select
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from kit.nats import opened_there, server_at, serving
from kit.remote_store import charter
from kit.wait import wait_until
from shareout.errors import UsageError
from shareout.serving.program import ServerProgram
from shareout.stores.nats import streams
from shareout.stores.nats.opening import open_nats
from shareout.stores.nats.token import VARIABLE, Token, client_context, papers_of, read_token, token_in
from shareout.stores.nats.wire import Lost

SILENT = 1_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def program(folder: Path) -> Iterator[ServerProgram]:
    with serving(folder) as made, closing(opened_there(folder, made.port, "shareout")):
        yield made


def still_serves(folder: Path, program: ServerProgram) -> None:
    """The very server, with what it had."""
    assert not program.is_dead()
    with closing(open_nats(server_at(folder, program.port), charter(), "the test")) as store:
        assert store.put("lanes/0.0/1", b"first") == b"first"


def talk(program: ServerProgram, said: bytes) -> bytes:
    """All that it answers until it ends the line."""
    with socket.create_connection(("127.0.0.1", program.port), timeout=20) as peer:
        peer.sendall(said)
        told = b""
        try:
            while data := peer.recv(4_096):
                told += data
        except ConnectionResetError:
            pass
        return told


@pytest.mark.parametrize(
    "said", [b"CONNECT {}\r\nPING\r\n", b"GET / HTTP/1.0\r\n\r\n", os.urandom(3_000), b"\x16\x03\x01"]
)
def test_who_speaks_in_the_clear_is_told_nothing(folder: Path, program: ServerProgram, said: bytes) -> None:
    told = talk(program, said)
    assert b"INFO" not in told
    assert b"PONG" not in told
    # An alert of TLS, at most.
    assert len(told) < 10
    still_serves(folder, program)


def test_a_line_without_a_certificate_is_ended(folder: Path, program: ServerProgram) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "server" / "certificate.pem")
    with (
        socket.create_connection(("127.0.0.1", program.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="shareout") as peer,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        peer.recv(4_096)
    still_serves(folder, program)


def test_a_certificate_of_another_token_is_refused_by_both_ends(
    folder: Path, program: ServerProgram, tmp_path: Path
) -> None:
    other = token_in(tmp_path / "token")
    context = client_context(papers_of(other))
    with (
        socket.create_connection(("127.0.0.1", program.port), timeout=20) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname="shareout")
    # One that does not look whom it speaks to comes no further.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", program.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="shareout") as peer,
        pytest.raises(ssl.SSLError, match=r"alert|ALERT"),
    ):
        peer.recv(4_096)
    still_serves(folder, program)


def test_an_older_tls_is_refused(folder: Path, program: ServerProgram) -> None:
    context = client_context(papers_of(token_in(folder / "token")))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", program.port), timeout=20) as plain,
        pytest.raises(ssl.SSLError, match="VERSION"),
    ):
        context.wrap_socket(plain, server_hostname="shareout")
    still_serves(folder, program)


def test_silent_lines_keep_nobody_out_and_are_ended(folder: Path, program: ServerProgram) -> None:
    with ExitStack() as stack:
        lines = [
            stack.enter_context(socket.create_connection(("127.0.0.1", program.port), timeout=20))
            for _ in range(SILENT)
        ]
        still_serves(folder, program)
        poll = select.poll()
        for one in lines:
            poll.register(one, select.POLLIN)
        wait_until(lambda: len(poll.poll(100)) == SILENT)
    still_serves(folder, program)


@pytest.mark.parametrize(
    "said",
    [b"\0" * 10_000, b"PUB " + b"x" * 5_000, b"PUB a 99999999\r\n", b"SUB\r\nSUB\r\n", b"HPUB a 9 1\r\n", b"\r\n" * 9],
)
def test_garbage_from_who_has_the_token_ends_its_line_alone(folder: Path, program: ServerProgram, said: bytes) -> None:
    line = server_at(folder, program.port).connect()
    line._send(said)
    try:
        line.request("$JS.API.INFO", answer_s=0.2)
    except Lost:
        pass
    line.close()
    still_serves(folder, program)


def test_a_flood_of_what_nobody_reads_is_no_load_on_others(folder: Path, program: ServerProgram) -> None:
    line = server_at(folder, program.port).connect()
    line._until += 20
    line._send(b"".join(b"PUB nobody.%d 100\r\n%s\r\n" % (number, b"x" * 100) for number in range(20_000)))
    still_serves(folder, program)
    line.close()


def test_an_entry_that_is_too_long_is_refused_with_its_author(folder: Path, program: ServerProgram) -> None:
    line = server_at(folder, program.port).connect()
    with pytest.raises(streams.Refused, match="message size exceeds maximum"):
        streams.put(line, "shareout-lanes.lanes.0=2E0.7", b"x" * 5_000, behind=0)
    line.close()


# The token itself.


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    made = token_in(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(made.text) == 32
    assert made.text not in repr(made)
    assert token_in(file).secret == read_token(str(file), {}, "").secret == made.secret


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    token_in(file)
    file.chmod(mode)
    with pytest.raises(UsageError, match=f"is open to others .mode {mode:04o}") as caught:
        read_token(str(file), {}, "")
    assert caught.value.way_out.startswith(f"chmod 600 {file}")


def test_a_token_comes_from_a_pipe_or_the_environment_as_well(tmp_path: Path) -> None:
    made = token_in(tmp_path / "token")
    assert read_token(None, {VARIABLE: f" {made.text.lower()}\n"}, "").secret == made.secret
    reading, writing = os.pipe()
    os.write(writing, made.text.encode())
    os.close(writing)
    assert read_token(f"/dev/fd/{reading}", {}, "").secret == made.secret
    os.close(reading)
    code = "from shareout.stores.nats.token import read_token; print(read_token('-', {}, '').text)"
    told = subprocess.run([sys.executable, "-c", code], input=made.text, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == made.text


@pytest.mark.parametrize("text", ["", "x", "a" * 31, "1" * 32, "A" * 33, "\0" * 32, "é" * 32])
def test_what_is_no_token_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="is no token"):
        read_token(str(file), {}, "")


def test_a_token_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the token cannot be read: no such file"):
        read_token(str(tmp_path / "none"), {}, "")
    with pytest.raises(UsageError, match="must show its token") as caught:
        read_token(None, {}, "Say where.")
    assert caught.value.way_out == "Say where."


def test_a_token_makes_the_same_papers_for_ever() -> None:
    """Another version of the program, or of `cryptography`, must find the key that the others have."""
    import hashlib

    papers = papers_of(Token(bytes(range(20)), "the test"))
    assert hashlib.sha256(papers.key).hexdigest() == KEY
    assert hashlib.sha256(papers.certificate).hexdigest() == CERTIFICATE


KEY = "c209afadef2ae116d8ffda76f5349c833b6c8aa257dc5e872699deafd5d4f036"
CERTIFICATE = "708110b8ba94c9ef1cb65b51a2ec9732086ca3ab4cbe33471d1abb209a2688e0"
