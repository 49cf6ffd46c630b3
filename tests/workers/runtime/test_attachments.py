"""Files that come with a prompt: shown, quoted, named, or said to be missing."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_server import calls
from tests.workers.runtime.conftest import Driver, Start
from workers.protocol.messages import Attachment
from workers.runtime.api import Api
from workers.runtime.attachments import Attachments

PNG = b"\x89PNG\r\n\x1a\n...."
SEEING = "anthropic-like/vision-model"


def attach(path: Path | str, mime_type: str, **more: Any) -> Attachment:
    name = Path(path).name
    return Attachment(
        id=more.pop("id", "att_1"),
        filename=more.pop("filename", name),
        mime_type=mime_type,
        size_bytes=1,
        path=str(path),
        **more,
    )


async def sent(driver: Driver, *files: Attachment) -> list[dict[str, Any]]:
    """The prompt's parts as the model got them."""
    assert (await driver.step("Look at this.", attachments=list(files))).success
    content = driver.server.requests[0]["messages"][0]["content"]  # type: ignore[attr-defined]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "dot.png").write_bytes(PNG)
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.4 ...")
    (tmp_path / "notes.md").write_text("# Notes\nBlue.")
    (tmp_path / "big.log").write_text("line\n" * 20_000)
    (tmp_path / "data.bin").write_bytes(b"\0\1\2")
    return tmp_path


async def test_an_image_comes_before_the_text(start: Start, files: Path) -> None:
    driver = start([calls("complete")], model=SEEING)
    image, text = await sent(driver, attach(files / "dot.png", "image/png"))
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert text["text"] == "[Attached: dot.png]\n\nLook at this."


async def test_a_model_that_sees_nothing_is_told_which_do(start: Start, files: Path) -> None:
    driver = start([calls("complete")])
    (text,) = await sent(driver, attach(files / "dot.png", "image/png"))
    assert "cannot look at; anthropic/" in text["text"]
    assert str(files / "dot.png") in text["text"]


async def test_a_pdf_is_shown_to_models_that_read_it(start: Start, files: Path) -> None:
    driver = start([calls("complete")], model="openai/gpt-5")
    document, _ = await sent(driver, attach(files / "paper.pdf", "application/pdf"))
    assert document["type"] == "file"
    assert document["file"]["file_data"].startswith("data:application/pdf;base64,")


async def test_a_pdf_is_named_to_others(start: Start, files: Path) -> None:
    driver = start([calls("complete")])
    (text,) = await sent(driver, attach(files / "paper.pdf", "application/pdf"))
    assert f"a PDF of 12 bytes. It lies at {files / 'paper.pdf'}" in text["text"]


async def test_small_texts_are_quoted_large_ones_named(start: Start, files: Path) -> None:
    driver = start([calls("complete")])
    (text,) = await sent(
        driver,
        attach(files / "notes.md", "text/markdown"),
        attach(files / "big.log", "text/plain"),
        attach(files / "data.bin", "application/octet-stream"),
    )
    assert "Attached file notes.md:\n\n# Notes\nBlue." in text["text"]
    assert "a text of 100000 bytes. Read it at" in text["text"]
    assert "cannot be shown (application/octet-stream)" in text["text"]
    assert text["text"].endswith("Look at this.")


@pytest.fixture
def api() -> Iterator[str]:
    """The platform's routes for attachments, which want the session's token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers["authorization"] == "Bearer dst_test"
            found = {
                "/v1/attachments/att_9/content": (b"From afar.", "text/plain"),
                "/v1/attachments/att_8/text": (b'{"text": "Hello, it is me."}', "application/json"),
            }.get(self.path)
            status = 401 if not allowed else 200 if found else 404
            self.send_response(status)
            self.end_headers()
            if allowed and found:
                self.wfile.write(found[0])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_a_file_that_is_not_in_the_box_is_fetched(start: Start, api: str) -> None:
    driver = start([], api_url=api)
    router = Attachments(driver.config, Api(driver.config))
    files = [
        attach("", "text/plain", id="att_9", filename="../far.txt"),
        attach("", "audio/ogg", id="att_8", filename="voice.ogg"),
        attach("", "text/plain", id="att_7", filename="gone.txt"),
    ]
    prompt = await router.with_prompt("Hear this.", files, model="scripted/x")
    text = str(prompt[0])
    assert "From afar." in text
    assert "Transcript of voice.ogg:\n\nHello, it is me." in text
    assert "[Attachment gone.txt: could not be fetched: HTTP 404.]" in text
    assert (driver.config.tmp / "attachments/att_9/far.txt").read_text() == "From afar."


async def test_read_does_not_show_images_to_a_model_that_sees_nothing(
    start: Start, files: Path
) -> None:
    driver = start([calls("read", path="dot.png"), calls("complete")])
    (driver.config.workspace / "dot.png").write_bytes(PNG)
    assert (await driver.step()).success
    name, ok, result = driver.tools()[0]
    assert (name, ok) == ("read", False)
    assert "this model cannot look at images. Models that can: anthropic/" in result
