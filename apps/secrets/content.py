"""What a secret is made of, by type: checked when it is written, sealed as JSON, and turned into
what a command gets."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import parse_qs, urlsplit

import orjson
import pyotp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import ssh

from apps.secrets.errors import BadSecret
from apps.secrets.models import Secret

SHORTEST = 4  # shorter values cannot be masked
LONGEST_VALUE = 32_768
LONGEST_FILE_BYTES = 65_536
_LEAST_SEED = 24  # characters of Base32 that pyotp asks for
_SEED = re.compile(r"[A-Z2-7]{16,128}")
_ENV_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,255}")
# Names by which a value would change what programs do.
_RESERVED = re.compile(
    r"(LD|DYLD|DJINNBOT|GIT|PYTHON|NODE|NPM|PIP|SESSION|AGENT|REDIS)_.*|PATH|HOME|SHELL|IFS|ENV"
    r"|BASH_ENV|USER|TMPDIR|TERM|LANG|LC_.*|PS[1-4]|PROMPT_COMMAND|(HTTPS?|ALL|NO)_PROXY"
    r"|WORKSPACE_PATH|RUN_ID|STEP_ID|ATTEMPT|PYTHONPATH|NODE_OPTIONS|CDPATH|EDITOR"
)
# These are what secrets are for, although their first word is reserved.
_ALLOWED = re.compile(r"(GIT|NPM|PIP|NODE|REDIS)_.*(TOKEN|PASSWORD|SECRET|AUTH|KEY|URL)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The secret parts. Which ones are set depends on the type."""

    value: str = ""  # env: the value; file: Base64 of it; ssh_key: the key; login: the password
    passphrase: str = ""  # of an SSH key
    totp_seed: str = ""  # totp, and login where the site asks for codes

    def as_text(self) -> str:
        return orjson.dumps({key: part for key, part in asdict(self).items() if part}).decode()

    @classmethod
    def from_text(cls, text: str) -> "Content":
        return cls(**orjson.loads(text))

    def parts(self, type: str) -> list[str]:
        """What must not show anywhere."""
        found = [self.passphrase, self.totp_seed]
        if type == Secret.Type.FILE:
            raw = base64.b64decode(self.value)
            found += [raw.decode(errors="ignore"), self.value]
        else:
            found.append(self.value)
        return [part for part in found if part]


def env_key_checked(key: str) -> str:
    """Raises BadSecret for a name that no variable may have, or that means something already."""
    if not _ENV_KEY.fullmatch(key):
        raise BadSecret(
            "An environment name has capital letters, digits and underscores, and begins with a "
            "letter.",
            code="bad_env_key",
        )
    if _RESERVED.fullmatch(key) and not _ALLOWED.fullmatch(key):
        raise BadSecret(f"{key} has a meaning of its own in a box.", code="reserved_env_key")
    return key


def env_key_from(name: str) -> str:
    """An environment name made of a secret's name; it may still be refused."""
    key = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    return key if key[:1].isalpha() else f"SECRET_{key}".rstrip("_")


def content_made(
    type: str,
    *,
    value: str = "",
    value_base64: str = "",
    passphrase: str = "",
    totp_seed: str = "",
) -> Content:
    """Raises BadSecret, whose message holds nothing of the value."""
    if type == Secret.Type.FILE:
        return Content(value=_file(value, value_base64))
    if value_base64:
        raise BadSecret("Only a file is given in Base64.")
    if type == Secret.Type.SSH_KEY:
        return Content(value=_ssh_key(value, passphrase), passphrase=passphrase)
    if type == Secret.Type.TOTP:
        return Content(totp_seed=_seed(value or totp_seed))
    if type == Secret.Type.LOGIN:
        return Content(value=_text(value), totp_seed=_seed(totp_seed) if totp_seed else "")
    return Content(value=_text(value))


def _text(value: str) -> str:
    text = value.removesuffix("\n").removesuffix("\r")
    if "\0" in text:
        raise BadSecret("The value holds a NUL character.")
    if not SHORTEST <= len(text) <= LONGEST_VALUE:
        raise BadSecret(f"The value must have {SHORTEST} to {LONGEST_VALUE} characters.")
    return text


def _file(value: str, value_base64: str) -> str:
    try:
        raw = base64.b64decode(value_base64, validate=True) if value_base64 else value.encode()
    except (binascii.Error, ValueError):
        raise BadSecret("`value_base64` is not Base64.") from None
    if not SHORTEST <= len(raw) <= LONGEST_FILE_BYTES:
        raise BadSecret(f"A file must have {SHORTEST} to {LONGEST_FILE_BYTES} bytes.")
    return base64.b64encode(raw).decode()


def _ssh_key(value: str, passphrase: str) -> str:
    text = value.strip().replace("\r\n", "\n") + "\n"
    _public_key(text, passphrase)
    return text


def _public_key(text: str, passphrase: str) -> bytes:
    """The public half as OpenSSH writes it. Raises BadSecret."""
    password = passphrase.encode() or None
    load = (
        ssh.load_ssh_private_key
        if "OPENSSH PRIVATE KEY" in text
        else serialization.load_pem_private_key
    )
    try:
        key = load(text.encode(), password)
        return key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, AttributeError):
        raise BadSecret("This is no SSH private key, or its passphrase is another.") from None


def _seed(value: str) -> str:
    """Base32, or an `otpauth://totp/…` address as sites show it."""
    text = value.strip()
    if text.startswith("otpauth:"):
        parts = urlsplit(text)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        usual = ("6", "30", "SHA1")
        asked = (
            query.get("digits", usual[0]),
            query.get("period", usual[1]),
            query.get("algorithm", usual[2]).upper(),
        )
        if parts.netloc != "totp" or asked != usual:
            raise BadSecret("Only codes of 6 digits, 30 seconds and SHA-1 are supported.")
        text = query.get("secret", "")
    seed = text.replace(" ", "").replace("-", "").rstrip("=").upper()
    if not _SEED.fullmatch(seed):
        raise BadSecret("The seed of one-time codes is Base32, at least 16 characters.")
    return seed


def masked(type: str, content: Content) -> str:
    """Enough to tell two secrets apart, too little to use one. Passwords show nothing."""
    if type == Secret.Type.SSH_KEY:
        public = _public_key(content.value, content.passphrase)
        digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
    if type == Secret.Type.FILE:
        return f"{len(base64.b64decode(content.value))} bytes"
    if type != Secret.Type.ENV or len(content.value) < 8:
        return "***"
    return f"…{content.value[-min(4, len(content.value) // 4) :]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A file that one command gets; `env_key` holds its path."""

    env_key: str
    name: str
    content_base64: str


def injected(secret: Secret, content: Content) -> tuple[Mapping[str, str], list[SecretFile]]:
    """The environment and the files of a command that uses it. Raises BadSecret for a bare seed:
    what a command gets is its code."""
    key = secret.env_key
    match secret.type:
        case Secret.Type.ENV:
            return {key: content.value}, []
        case Secret.Type.LOGIN:
            parts = {"USERNAME": secret.username, "PASSWORD": content.value, "URL": secret.url}
            return {f"{key}_{name}": part for name, part in parts.items() if part}, []
        case Secret.Type.TOTP:
            raise BadSecret(f"{key} gives one-time codes only.", code="codes_only")
    raw = content.value
    if secret.type == Secret.Type.SSH_KEY:
        raw = base64.b64encode(content.value.encode()).decode()
    name = secret.file_name or key.lower()
    env = {f"{key}_PASSPHRASE": content.passphrase} if content.passphrase else {}
    return env, [SecretFile(env_key=key, name=name, content_base64=raw)]


def revealed(secret: Secret, content: Content) -> str:
    """The plain text. Never a seed: it would give codes for ever."""
    if secret.type == Secret.Type.TOTP:
        raise BadSecret(f"{secret.env_key} gives one-time codes only.", code="codes_only")
    if secret.type != Secret.Type.FILE:
        return content.value
    try:
        return base64.b64decode(content.value).decode()
    except UnicodeDecodeError:
        raise BadSecret("This file is no text; a command can use it.", code="not_text") from None


def code_at(content: Content, step: int) -> str:
    """The one-time code of a period of 30 seconds since 1970.

    pyotp refuses the 80-bit seeds that many sites still give. Zeros at the end of an HMAC key
    change nothing: `A` is five of them.
    """
    return pyotp.HOTP(content.totp_seed.ljust(_LEAST_SEED, "A")).at(step)
