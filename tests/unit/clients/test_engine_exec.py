"""A command's output is whole, however the engine's answer is cut into packets."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator

import pytest
from docker import APIClient

from altis_local.clients import engine_exec
from altis_local.errors import ActionFailed

SAID = b"all of it"
FRAME = b"\x01\0\0\0" + len(SAID).to_bytes(4, "big") + SAID
HEAD = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


class Engine(socketserver.StreamRequestHandler):
    """Speaks as much of the engine's API as a command needs; `pieces` is how it cuts its answer."""

    pieces: tuple[bytes, ...] = ()
    stays = threading.Event()

    def handle(self) -> None:
        line = self.rfile.readline()
        length = 0
        while (header := self.rfile.readline().strip()) != b"":
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        if b"/start" in line:
            for piece in self.pieces:
                self.wfile.write(piece)
                self.wfile.flush()
            if not self.pieces:
                self.wfile.write(HEAD)
                self.stays.wait(5)
            return
        body = json.dumps({"ExitCode": 3} if b"/json" in line else {"Id": "e1"}).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def client() -> Iterator[APIClient]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Engine) as server:
        server.daemon_threads = True
        Engine.stays.clear()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield APIClient(base_url=f"tcp://127.0.0.1:{server.server_address[1]}", version="1.41", timeout=5)
        Engine.stays.set()
        server.shutdown()


@pytest.mark.parametrize(
    "pieces",
    [(HEAD, FRAME), (HEAD + FRAME,), (HEAD + FRAME[:5], FRAME[5:]), (HEAD + FRAME[:12], FRAME[12:])],
    ids=["apart", "at once", "cut in its header", "cut in its text"],
)
def test_nothing_is_lost(client: APIClient, pieces: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "pieces", pieces)
    done = engine_exec.run(client, "c1", ("true",), options={}, limit=5.0)
    assert (done.exit_code, done.output) == (3, SAID.decode())


def test_a_command_that_does_not_end_is_left(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "pieces", ())
    with pytest.raises(ActionFailed, match="did not end"):
        engine_exec.run(client, "c1", ("sleep",), options={}, limit=0.2)
