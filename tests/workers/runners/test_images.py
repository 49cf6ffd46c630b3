"""The agent image of a registry is pulled before the first box asks for it."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import docker
import pytest
from docker.errors import ImageNotFound

from workers.runners.base import BoxStartFailed
from workers.runners.docker import image_fetch

pytestmark = pytest.mark.docker
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NAME = "djinnbot-test/agent"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image() -> dict[str, bytes]:
    """What a registry keeps of an image with one layer: path below /v2 → content."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("here"))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"from": "registry"}},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer.getvalue())]},
        }
    ).encode()
    kinds = {"config": "container.image.v1+json", "layer": "image.rootfs.diff.tar.gzip"}
    parts = {
        kind: {
            "mediaType": f"application/vnd.docker.{name}",
            "size": len(content),
            "digest": digest(content),
        }
        for (kind, name), content in zip(kinds.items(), (config, packed), strict=True)
    }
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": parts["config"],
            "layers": [parts["layer"]],
        }
    ).encode()
    return {
        "/v2/": b"{}",
        f"/v2/{NAME}/manifests/1": manifest,
        f"/v2/{NAME}/manifests/{digest(manifest)}": manifest,
        f"/v2/{NAME}/blobs/{digest(config)}": config,
        f"/v2/{NAME}/blobs/{digest(packed)}": packed,
    }


@pytest.fixture
def registry() -> Iterator[str]:
    """The address of a registry with one image."""
    kept = image()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = kept.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Type", MANIFEST if "manifests" in self.path else "text/plain")
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("Docker-Content-Digest", digest(content or b""))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content or b"")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_image_that_this_host_lacks_is_pulled(registry: str) -> None:
    name = f"{registry}/{NAME}:1"
    client = docker.from_env()
    try:
        image_fetch(name)
        assert client.images.get(name).labels == {"from": "registry"}
    finally:
        with suppress(ImageNotFound):
            client.images.remove(name)
        client.close()


def test_an_image_that_nobody_has_is_told_of(registry: str) -> None:
    with pytest.raises(BoxStartFailed):
        image_fetch(f"{registry}/{NAME}:2")


def test_an_image_that_was_made_here_is_not_asked_for() -> None:
    image_fetch("djinnbot-no-such:image")
