"""Where a token for a remote comes from. None is needed for local paths, ssh and public remotes.

The order of sources (an installation of the project, one found by URL, the configured token) is
built by registering providers; the first that answers wins.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    username: str
    password: str = field(repr=False)


CredentialProvider = Callable[[str], Credentials | None]

_providers: list[CredentialProvider] = []


def credential_provider_register(provider: CredentialProvider) -> None:
    _providers.append(provider)


def credentials_for(url: str) -> Credentials | None:
    for provider in _providers:
        found = provider(url)
        if found is not None:
            return found
    return None
