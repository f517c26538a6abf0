"""The keys with which an authorization server signs (RFC 7517), and the algorithms that are believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import jwt

ALGORITHMS: Mapping[str, str] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "EdDSA": "Ed25519",
}
"""Each with the kind of key it takes. All are asymmetric: with HS256 a public key would be a secret that all know."""
_SMALLEST = 2048
"""Bits of an RSA key (RFC 7518, 3.3)."""
_MOST = 100


@dataclass(frozen=True, slots=True)
class Key:
    """A public key. `id` may be missing; `algorithm`: the only one it is for, or empty."""

    id: str | None
    kind: str
    algorithm: str
    public: Any


def keys_in(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """The keys of a set that signatures are checked with; others, and those that are broken, are left out."""
    listed: object = document.get("keys")
    found = cast("list[object]", listed)[:_MOST] if isinstance(listed, list) else []
    keys = (_key(cast("dict[str, Any]", each)) for each in found if isinstance(each, dict))
    return tuple(key for key in keys if key is not None)


def fitting(keys: Sequence[Key], id_: str | None, algorithm: str) -> Key | None:
    """The one key of that id for that algorithm; without an id only if there is no choice."""
    found = [
        key
        for key in keys
        if key.kind == ALGORITHMS[algorithm] and key.algorithm in {"", algorithm} and id_ in {None, key.id}
    ]
    return found[0] if len(found) == 1 else None


def _key(jwk: dict[str, Any]) -> Key | None:
    id_, algorithm = jwk.get("kid"), jwk.get("alg", "")
    kind = "RSA" if jwk.get("kty") == "RSA" else jwk.get("crv")
    fits = [name for name, its_kind in ALGORITHMS.items() if its_kind == kind and algorithm in ("", name)]
    if not fits or jwk.get("use", "sig") != "sig" or "d" in jwk or not isinstance(id_, str | None):
        return None
    try:
        public: Any = jwt.PyJWK(jwk, fits[0]).key
    except (jwt.PyJWTError, TypeError, ValueError):
        return None
    return None if kind == "RSA" and public.key_size < _SMALLEST else Key(id_, str(kind), algorithm, public)
