"""Keeps strangers out: other machines, other sites, other origins.

A server on the loopback interface can still be reached by any page in the user's browser. So a
request must name this server as its host (a rebound domain name does not), one that changes
something must come from a page of this server (Origin) and carry its token, and what is sent is
small. Pages may load from this server only and run nothing inline.
"""

import secrets
from hmac import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etude.errors import LabError
from etude.lab.limits import MOST_BODY

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAMES = ("127.0.0.1", "localhost", "[::1]")


class Token:
    """What every form of this server carries, new at each start; other sites cannot read it."""

    def __init__(self) -> None:
        self.value = secrets.token_urlsafe(24)

    def check(self, given: object) -> None:
        """Refuse a form that does not carry it.

        Raises:
            LabError: it does not.
        """
        if not isinstance(given, str) or not compare_digest(given.encode(), self.value.encode()):
            raise LabError(
                "a form must come from a page of this lab as it runs now; reload the page and"
                " send it again"
            )


class Guard:
    """ASGI middleware that refuses what does not come from a page of this server.

    Args:
        app: what answers the rest.
        port: the port that the server listens at.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in NAMES}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal:
            await PlainTextResponse(refusal, status_code=403, headers=HEADERS)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, _limited(receive), with_headers)

    def _refusal(self, method: str, headers: Headers) -> str:
        if headers.get("host") not in self._hosts:
            return "the Host of a request must be this server"
        if method in ("GET", "HEAD"):
            return ""
        return self._of_form(headers) if method == "POST" else "only GET and POST are answered"

    def _of_form(self, headers: Headers) -> str:
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return "the Origin of a form must be this server"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "a form must be sent from a page of this server"
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST_BODY:
            return f"what a page sends must be at most {MOST_BODY:,} bytes"
        return ""


def _limited(receive: Receive) -> Receive:
    """Give a body only up to the limit, whatever its length was said to be."""
    got = 0

    async def limited() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MOST_BODY:
            return {"type": "http.disconnect"}
        return message

    return limited
