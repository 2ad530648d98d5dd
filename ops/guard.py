"""Keeps web pages away from the embedded AWS: it listens on loopback, where every page in the browser can knock.

A page of another site can send requests here, and its own site's name can be made to resolve to 127.0.0.1 (DNS
rebinding). A browser tells both in headers that no page can change, and no S3 client sends the refused ones.
"""

import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK = re.compile(r"(127\.0\.0\.1|([a-z0-9-]+(\.[a-z0-9-]+)*\.)?localhost)(:\d+)?", re.IGNORECASE)
"""The hosts that are this machine whatever DNS says; `<bucket>.localhost` is how some clients name a bucket."""
OWN_SITES = ("none", "same-origin")
"""What Sec-Fetch-Site says of an address typed by a person, and of a page of this very server."""
CONTROL = "/moto-api"
"""Where the embedded AWS can be reset; no page has any business there."""


def guarded(app: WSGIApplication) -> WSGIApplication:
    """The application for clients and its own pages; whatever a foreign page sends is answered with 403."""

    def guard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        refusal = refused(environ)
        if refusal is None:
            return app(environ, start_response)
        body = f"The embedded AWS refuses this request: {refusal}.\n".encode()
        # The request's body was not read: the connection cannot take another request.
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("Connection", "close")]
        start_response("403 Forbidden", headers)
        return [body]

    return guard


def refused(environ: WSGIEnvironment) -> str | None:
    """Why a request is refused, or None where it may pass."""
    host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
    if not LOOPBACK.fullmatch(host):
        return "its Host is not this machine"
    if origin is not None and origin.lower() != f"http://{host}".lower():
        return "a page of another origin sent it"
    if origin is not None and environ.get("PATH_INFO", "").startswith(CONTROL):
        return "a page sent it, and only commands may control the embedded AWS"
    # Pictures, links and scripts of a foreign page are fetched without an Origin.
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in OWN_SITES:
        return "a page of another site sent it"
    return None
