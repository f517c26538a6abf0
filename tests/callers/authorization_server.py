"""An authorization server of the tests' own: it signs tokens, tells of them, rotates its keys, and goes down."""

import base64
import hashlib
import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from urllib.parse import unquote, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

Json = dict[str, Any]
CLIENT = ("mcp-server", "s3cret:/with signs")
"""The client as which tokens are asked about."""


def private_key(name: str, kind: str = "RSA") -> Any:
    """A key of its own for each name; an RSA key takes a moment to find."""
    return _made(name, kind)


@cache
def _made(_: str, kind: str) -> Any:
    match kind:
        case "RSA":
            return rsa.generate_private_key(65537, 2048)
        case "small RSA":
            return rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return ec.generate_private_key({"ES256": ec.SECP256R1, "ES384": ec.SECP384R1}[kind]())


def public_jwk(key: Any, **more: str) -> Json:
    """A private key's public half, as a set of keys lists it."""
    algorithm = "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = "ES256" if isinstance(key.curve, ec.SECP256R1) else "ES384"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = "EdDSA"
    maker: Any = jwt.get_algorithm_by_name(algorithm)
    return {**json.loads(maker.to_jwk(key.public_key())), **more}


def present() -> int:
    return int(datetime.now(UTC).timestamp())


class AuthorizationServer:
    """Listens on a port of this machine. What it says can be changed at any time; `asked` counts what it was asked."""

    def __init__(self, path: str = "", metadata_at: str = "/.well-known/oauth-authorization-server") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.issuer = f"{self._address}{path}"
        self.metadata_at = metadata_at
        self.metadata: Json = {
            "issuer": self.issuer,
            "jwks_uri": f"{self._address}/keys",
            "introspection_endpoint": f"{self._address}/introspect",
            "authorization_endpoint": f"{self._address}/authorize",
            "token_endpoint": f"{self._address}/token",
            "registration_endpoint": f"{self._address}/register",
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
        }
        self.keys: list[Json] = [public_jwk(private_key("first"), kid="first")]
        self.known: dict[str, Json] = {}
        self.asked: Counter[str] = Counter()
        self.introspected: list[Json] = []
        self.down = False
        self._codes: dict[str, Json] = {}

    def token(self, audience: str, *, key: str = "first", **claims: Any) -> str:
        """A token of Anna's that is good for five minutes, unless the claims say otherwise; None leaves one out."""
        return self.signed(self.claims(audience, **claims), key, {"kid": key, "typ": "at+jwt"})

    def claims(self, audience: str, **claims: Any) -> Json:
        usual = {"iss": self.issuer, "aud": audience, "sub": "anna", "iat": present(), "exp": present() + 300}
        return {name: value for name, value in {**usual, **claims}.items() if value is not None}

    def signed(self, claims: Json, key: str, headers: Json, algorithm: str = "RS256") -> str:
        kind = "RSA" if algorithm[:2] in {"RS", "PS"} else algorithm
        return jwt.encode(claims, private_key(key, kind), algorithm, headers=headers)

    @contextmanager
    def running(self) -> Generator["AuthorizationServer"]:
        """While this is open it answers."""
        config = uvicorn.Config(
            self._answer, interface="asgi3", ws="none", lifespan="off", log_config=None, log_level="critical"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [self._listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield self
        finally:
            server.should_exit = True
            thread.join()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.url.path
        self.asked[path] += 1
        form = {name: str(value) for name, value in (await request.form()).items()} if request.method == "POST" else {}
        answer = Response(status_code=503) if self.down else await self._page(path, request, form)
        await answer(scope, receive, send)

    async def _page(self, path: str, request: Request, form: Mapping[str, str]) -> Response:
        if path == self.metadata_at:
            return JSONResponse(self.metadata)
        match path:
            case "/keys":
                return JSONResponse({"keys": self.keys})
            case "/introspect":
                return self._introspection(request, form)
            case "/register":
                return JSONResponse({**await request.json(), "client_id": "a-client"}, 201)
            case "/authorize":
                return self._authorized(dict(request.query_params))
            case "/token":
                return self._exchanged(form)
            case _:
                return Response(status_code=404)

    def _introspection(self, request: Request, form: Mapping[str, str]) -> Response:
        words = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        by_header = tuple(unquote(word) for word in words.split(":"))
        by_form = form.get("client_id"), form.get("client_secret")
        self.introspected.append(dict(form))
        if CLIENT not in (by_header, by_form):
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse(self.known.get(form["token"], {"active": False}))

    def _authorized(self, asked: Json) -> Response:
        """Whoever asks is Anna, and agrees."""
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    def _exchanged(self, form: Mapping[str, str]) -> Response:
        asked = self._codes.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        scope = cast("str | None", asked.get("scope"))
        token = self.token(form["resource"], scope=scope)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 300})
