"""Files that come with a prompt: shown where the model can look at them, else named in a note."""

from collections.abc import Sequence
from pathlib import Path

from pydantic_ai import BinaryContent
from pydantic_ai.messages import UserContent

from workers.protocol.messages import Attachment
from workers.runtime.api import Api, ApiError
from workers.runtime.config import RuntimeConfig
from workers.runtime.model_facts import SEEING_EXAMPLES, reads_pdf, sees_images

INLINE_BYTES = 50 * 1024
MAX_IMAGE_BYTES = 5 * 1024 * 1024
MAX_PDF_BYTES = 20 * 1024 * 1024
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_TEXT_TYPES = frozenset(
    {
        "application/json", "application/xml", "application/yaml", "application/x-yaml",
        "application/toml", "application/javascript", "application/x-sh", "application/sql",
    }
)  # fmt: skip


class Attachments:
    def __init__(self, config: RuntimeConfig, api: Api) -> None:
        self._config = config
        self._api = api

    async def with_prompt(
        self, prompt: str, files: Sequence[Attachment], *, model: str
    ) -> str | list[UserContent]:
        """Images and documents, then texts and notes, then the prompt. A file that cannot be had
        becomes a note; it never ends the step."""
        if not files:
            return prompt
        shown: list[UserContent] = []
        told: list[str] = []
        for file in files:
            part = await self._part(file, model)
            if isinstance(part, BinaryContent):
                shown.append(part)
                told.append(f"[Attached: {file.filename}]")
            else:
                told.append(part)
        return [*shown, "\n\n".join([*told, prompt])]

    async def _part(self, file: Attachment, model: str) -> BinaryContent | str:
        if file.mime_type.startswith("audio/"):
            return await self._spoken(file)
        try:
            path = await self._path(file)
            data = path.read_bytes()
        except (ApiError, OSError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else str(exc)
            return _note(file, f"could not be fetched: {reason}")
        if file.mime_type in IMAGES:
            return _image(file, path, data, model)
        if file.mime_type == "application/pdf":
            return _pdf(file, path, data, model)
        return _text(file, path, data)

    async def _path(self, file: Attachment) -> Path:
        """Where the file lies in the box; it is fetched when it does not. Raises ApiError."""
        name = Path(file.filename).name or "file"
        folder = self._config.home / "attachments"
        for path in (Path(file.path) if file.path else None, folder / file.id / name):
            if path is not None and path.is_file():
                return path
        target = self._config.tmp / "attachments" / Path(file.id).name / name
        await self._api.download(f"/attachments/{file.id}/content", target)
        return target

    async def _spoken(self, file: Attachment) -> str:
        try:
            found = await self._api.json(f"/attachments/{file.id}/text")
        except ApiError as exc:
            return _note(file, f"its transcript could not be had: {exc}")
        text = found.get("text") if isinstance(found, dict) else None
        if not text:
            return _note(file, "it has no transcript")
        return f"Transcript of {file.filename}:\n\n{text}"


def _image(file: Attachment, path: Path, data: bytes, model: str) -> BinaryContent | str:
    if not sees_images(model):
        reason = f"an image, which this model cannot look at; {SEEING_EXAMPLES} can"
        return _note(file, f"{reason}. It lies at {path}")
    if len(data) > MAX_IMAGE_BYTES:
        return _note(file, f"an image of {len(data)} bytes; at most 5 MB can be shown: {path}")
    return BinaryContent(data=data, media_type=file.mime_type)


def _pdf(file: Attachment, path: Path, data: bytes, model: str) -> BinaryContent | str:
    if reads_pdf(model) and len(data) <= MAX_PDF_BYTES:
        return BinaryContent(data=data, media_type=file.mime_type, identifier=file.filename)
    return _note(file, f"a PDF of {len(data)} bytes. It lies at {path}")


def _text(file: Attachment, path: Path, data: bytes) -> str:
    if not _is_text(file.mime_type, data):
        return _note(file, f"a file of a kind that cannot be shown ({file.mime_type}): {path}")
    if len(data) > INLINE_BYTES:
        return _note(file, f"a text of {len(data)} bytes. Read it at {path}")
    return f"Attached file {file.filename}:\n\n{data.decode(errors='replace')}"


def _is_text(mime_type: str, data: bytes) -> bool:
    if b"\0" in data[:8192]:
        return False
    return mime_type.startswith("text/") or mime_type in _TEXT_TYPES or _decodes(data)


def _decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _note(file: Attachment, what: str) -> str:
    return f"[Attachment {file.filename}: {what}.]"
