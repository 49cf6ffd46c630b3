"""Secrets that the session may use: asked of the API at each use, held by no process longer than
the command that needs them, and masked in everything that tools answer and the session tells."""

import asyncio
import base64
import contextlib
import itertools
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic_ai import ToolFailed

from workers.runtime.api import Api, ApiError
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.processes import Output, run
from workers.runtime.tools.shell import DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S

_CODE_TRIES = 3
_LONGEST_WAIT_S = 31


class SecretTools:
    def __init__(
        self, context: ToolContext, api: Api, *, agent_id: str, names: Sequence[str]
    ) -> None:
        self.names = tuple(names)
        self._context = context
        self._api = api
        self._path = f"/secrets/agents/{agent_id}"
        self._numbers = itertools.count(1)

    async def get_secret(self, keys: list[str] | None = None) -> str:
        """See which secrets you may use, or the plain text of those that may be seen.

        Most may only be used: name them to `run_with_secrets`. Do not repeat a plain text.

        Args:
            keys: Names of secrets whose plain text you need. Leave it out to see the list.
        """
        if not keys:
            return self._listed(await self._asked("GET", ""))
        found = await self._asked("POST", "/reveal", {"keys": keys})
        values: Mapping[str, str] = found["values"]
        self._context.masker.add(values.values())
        return "\n".join(f"{key}={value}" for key, value in values.items())

    async def get_totp_code(self, key: str) -> str:
        """Get a one-time code of a login, good for one use within half a minute.

        Each code is given out once; asked again, this waits for the next one.

        Args:
            key: The name of the secret.
        """
        for _ in range(_CODE_TRIES):
            try:
                found = await self._api.ask("POST", f"{self._path}/totp", {"key": key})
                return f"{found['code']} (good for {found['expires_in']} seconds)"
            except ApiError as exc:
                if exc.code != "totp_code_used":
                    raise ToolFailed(f"Error: {exc}") from exc
                wait_s = float(exc.extra.get("retry_after", 1))
                await asyncio.sleep(min(wait_s, _LONGEST_WAIT_S) + 0.1)
        raise ToolFailed("Others took each new code of this login. Try again later.")

    async def run_with_secrets(
        self,
        command: str,
        secrets: list[str],
        timeout: float = DEFAULT_TIMEOUT_S,  # noqa: ASYNC109  the tool's argument
    ) -> str:
        """Run a command with bash as `bash` does, with secrets in its environment.

        A value stands in the variable of its name, a file's or key's path likewise; a login is
        NAME_USERNAME, NAME_PASSWORD and NAME_URL. Files are removed afterwards. Do not print the
        values: they show as ***.

        Args:
            command: What to run. Use the variables, as in `curl -H "Authorization: Bearer $TOKEN"`.
            secrets: The names of the secrets that this command needs.
            timeout: Seconds until the command is killed.
        """
        found = await self._asked("GET", "/env", query={"keys": ",".join(secrets)})
        limit_s = max(0.1, min(timeout, MAX_TIMEOUT_S))
        self._learn(found)
        name = f"secret-output-{os.getpid()}-{next(self._numbers)}.log"
        output = Output(Path(self._context.tmp, name), self._context.output)
        with self._files(found["files"]) as paths:
            ended = await run(
                ("bash", "-c", command),
                processes=self._context.processes,
                cwd=self._context.workspace,
                env={**os.environ, **found["env"], **paths},
                limit_s=limit_s,
                output=output,
            )
        if ended.timed_out:
            raise ToolFailed(
                f"{output.text()}\n[Killed: the command ran longer than {limit_s:g} seconds.]"
            )
        if ended.exit_code:
            raise ToolFailed(f"{output.text()}\n[exit code {ended.exit_code}]")
        return f"{output.text()}\n[exit code 0]"

    def _learn(self, found: Mapping[str, Any]) -> None:
        """Before the command runs: what it prints is masked from its first byte on. User names
        and addresses are no secrets."""
        plain = ("_USERNAME", "_URL")
        env: Mapping[str, str] = found["env"]
        logins = {key.removesuffix("_PASSWORD") for key in env if key.endswith("_PASSWORD")}
        open_names = {f"{login}{end}" for login in logins for end in plain}
        values = [value for key, value in env.items() if key not in open_names]
        for file in found["files"]:
            values.append(file["content_base64"])
            values.append(base64.b64decode(file["content_base64"]).decode(errors="ignore"))
        self._context.masker.add(values)

    @contextlib.contextmanager
    def _files(self, files: Sequence[Mapping[str, str]]) -> Iterator[dict[str, str]]:
        """The files of one command, readable by their owner, and their paths by variable."""
        if not files:
            yield {}
            return
        place = self._context.tmp / f"secrets-{secrets.token_hex(8)}"
        place.mkdir(mode=0o700)
        try:
            paths = {}
            for file in files:
                path = place / file["env_key"].lower() / file["name"]
                path.parent.mkdir(mode=0o700)
                path.touch(mode=0o600)
                path.write_bytes(base64.b64decode(file["content_base64"]))
                paths[file["env_key"]] = str(path)
            yield paths
        finally:
            shutil.rmtree(place, ignore_errors=True)

    async def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            return await self._api.ask(method, f"{self._path}{path}", body, query)
        except ApiError as exc:
            raise ToolFailed(f"Error: {exc}") from exc

    def _listed(self, found: Sequence[Mapping[str, Any]]) -> str:
        if not found:
            return "[no secret is granted to this session any more]"
        return "\n".join(_told(secret) for secret in found)


def _told(secret: Mapping[str, Any]) -> str:
    facts = [str(secret["type"]), str(secret["name"])]
    facts += [str(secret[name]) for name in ("username", "url", "description") if secret[name]]
    if secret["has_totp"]:
        facts.append("one-time codes by get_totp_code")
    if secret["may_reveal"]:
        facts.append("plain text by get_secret")
    return f"- {secret['env_key']}: {'; '.join(facts)}"
