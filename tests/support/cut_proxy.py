"""A socket in front of another that can be cut, as a network would be."""

import contextlib
import socket
import threading
from pathlib import Path


class CutProxy:
    """Listens at a path, or without one on a TCP port of this machine. `upstream` is the path of a
    Unix socket, or a port of this machine."""

    def __init__(self, path: Path | None, upstream: str | int) -> None:
        self.path = path
        self._upstream = upstream
        self._lock = threading.Lock()
        self._pairs: list[socket.socket] = []
        self._is_cut = False
        if path is None:
            self._server = socket.create_server(("127.0.0.1", 0))
        else:
            self._server = socket.socket(socket.AF_UNIX)
            self._server.bind(str(path))
            self._server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Of one that listens on TCP."""
        return int(self._server.getsockname()[1])

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        with self._lock:
            self._is_cut = True
            for end in self._pairs:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._pairs.clear()

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    near.close()
                    continue
                far = self._connected()
                self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def _connected(self) -> socket.socket:
        if isinstance(self._upstream, int):
            return socket.create_connection(("127.0.0.1", self._upstream))
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._upstream)
        return far


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
