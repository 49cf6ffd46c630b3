"""The dashboard's one page, as Vite built it. Its files come from `/static/app/`.

The page is read again when a build has replaced it. Its inline script sets the theme before the
first paint: the policy names that script by its hash. Styles that dialogs put into the page carry
the answer's nonce.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from csp.constants import NONCE, SELF
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.http import require_safe

_NONCE = "__CSP_NONCE__"  # in frontend/index.html
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Page:
    mtime_ns: int
    html: str
    script_sources: tuple[str, ...]


_held: dict[Path, _Page] = {}


@require_safe
def dashboard_page(request: HttpRequest, **_: str) -> HttpResponse:
    """The same page for every address: what it shows is up to its scripts and to `/v1`."""
    try:
        page = _page(Path(settings.DASHBOARD_INDEX))
    except FileNotFoundError:
        return render(request, "dashboard_missing.html", status=503)
    get_token(request)  # sets the cookie that scripts send back
    nonce = str(request.csp_nonce)  # type: ignore[attr-defined]  # set by the policy's middleware
    response = HttpResponse(page.html.replace(_NONCE, nonce))
    response["Cache-Control"] = "no-cache"
    response._csp_replace = {  # type: ignore[attr-defined]  # read by the policy's middleware
        "script-src": [SELF, *page.script_sources],
        "style-src": [SELF, NONCE],
    }
    return response


def _page(path: Path) -> _Page:
    mtime_ns = path.stat().st_mtime_ns
    held = _held.get(path)
    if held is None or held.mtime_ns != mtime_ns:
        html = path.read_text()
        sources = tuple(_hash_source(script) for script in _INLINE_SCRIPT.findall(html))
        held = _held[path] = _Page(mtime_ns, html, sources)
    return held


def _hash_source(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
