"""Every refusal becomes a message with the advice that fits the way of access, and never shows a secret."""

from typing import Any

import pytest

from bitrix24_mcp.crm.errors import (
    InvalidArguments,
    KeyRefused,
    NotFound,
    PermissionRefused,
    PortalError,
    PortalUnavailable,
    RequestRefused,
    UnexpectedAnswer,
)
from bitrix24_mcp.rest.access.protocol import Kind
from bitrix24_mcp.rest.calling.advice import KNOWN
from bitrix24_mcp.rest.calling.errors import moved, refusal_of, used_up, without_envelope
from bitrix24_mcp.sending.words import Secrets

SECRETS = {
    "webhook": "https://portal.bitrix24.ru/rest/1/S3CRET/crm.deal.list?auth=S3CRET",
    "webhook without scheme": "portal.bitrix24.ru/rest/1/S3CRET/",
    "bare code": "the code wh00kS3CRET is wrong",
    "bare code in capitals": "the code WH00KS3CRET is wrong",
    "token": "auth=S3CRET",
    "token in JSON": '"access_token": "S3CRET"',
    "client secret": "client_secret: S3CRET",
    "bearer": "Authorization: Bearer eyJhbG.S3CRET-x",
    "e-mail": "S3CRET.person+tag@mail.example.ru",
    "escaped link": "https:&#x2F;&#x2F;portal.example&#x2F;rest&#x2F;1&#x2F;S3CRET&#x2F;",
}
WORDS = "Field “x” is wrong: {} (see there)"
CODES = [*KNOWN, "SOMETHING_NEW", "", 0, 100, "100"]


def told(code: Any, description: Any = "", kind: Kind = "webhook") -> PortalError:
    return refusal_of({"error": code, "error_description": description}).error(kind)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("kind", ["webhook", "oauth"])
def test_no_code_passes_a_secret_on(code: Any, secret: str, kind: Kind) -> None:
    refusal = refusal_of({"error": code, "error_description": WORDS.format(secret)})
    error = refusal.error(kind, Secrets("wh00kS3CRET"))

    assert "S3CRET" not in f"{error} {error!r} {error.args} {vars(error)}"


def test_a_secret_is_not_shown_as_a_code() -> None:
    assert (
        refusal_of({"error": "WH00K_S3CRET"}).error("webhook", Secrets("wh00k_s3cret")).code == "REFUSED_WITHOUT_CODE"
    )


@pytest.mark.parametrize("kind", ["webhook", "oauth"])
@pytest.mark.parametrize("code", sorted(KNOWN))
def test_every_known_code_has_a_message_advice_and_itself(code: str, kind: Kind) -> None:
    error = told(code.lower(), kind=kind)
    expected, _, webhook, oauth = KNOWN[code]

    assert (type(error), error.code, error.candidates, error.next_call) == (expected, code, (), None)
    assert error.message.endswith(".")
    assert error.advice.endswith(".")
    assert error.advice == {"webhook": webhook, "oauth": oauth}[kind]


SYSTEM = [
    ("QUERY_LIMIT_EXCEEDED", "Too many requests", PortalUnavailable, "over its request limit"),
    ("OPERATION_TIME_LIMIT", "Method is blocked", PortalUnavailable, "used up"),
    ("OVERLOAD_LIMIT", "REST API is blocked due to overload.", PortalUnavailable, "support"),
    ("INTERNAL_SERVER_ERROR", "Internal server error", PortalUnavailable, "Try again"),
    ("ERROR_UNEXPECTED_ANSWER", "", PortalUnavailable, "Try again"),
    ("CONNECTION_ERROR", "", PortalUnavailable, "authorisation server"),
    ("ERROR_METHOD_NOT_FOUND", "Method not found!", RequestRefused, "user's id before the code"),
    ("NO_AUTH_FOUND", "Wrong authorization data", KeyRefused, "user's id and the code"),
    ("INVALID_CREDENTIALS", "Invalid request credentials", KeyRefused, "deleted or expired"),
    ("insufficient_scope", "Higher privileges than the webhook token's", PermissionRefused, "Tick the scope"),
    ("expired_token", "The access token provided has expired.", KeyRefused, "has expired"),
    ("invalid_token", "Unable to get application by token", KeyRefused, "does not know this access"),
    ("authorization_error", "Unable to authorize user", KeyRefused, "dismissed"),
    ("user_access_error", "The user does not have access to the application.", PermissionRefused, "other users only"),
    ("ACCESS_DENIED", "Access denied.", PermissionRefused, "does not let this user see or do that"),
    ("ACCESS_DENIED", "REST is available on commercial plans.", PermissionRefused, "plan does not include REST"),
    ("ACCESS_DENIED", "Access denied! Admin permissions required", PermissionRefused, "administrators only"),
    ("ACCESS_DENIED", "Access denied! Application context required", PermissionRefused, "a webhook cannot do it"),
    ("allowed_only_intranet_user", "x", PermissionRefused, "extranet"),
    ("WRONG_AUTH_TYPE", "Current authorization type is denied", PermissionRefused, "a webhook cannot do it"),
    ("METHOD_CONFIRM_WAITING", "x", PermissionRefused, "approve"),
    ("METHOD_CONFIRM_DENIED", "x", PermissionRefused, "declined"),
    ("INVALID_REQUEST", "Https required.", KeyRefused, "https only"),
    ("INVALID_REQUEST", "Bad order", RequestRefused, "It says: “Bad order”"),
    ("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded", RequestRefused, "Too many calls"),
    ("ERROR_BATCH_METHOD_NOT_ALLOWED", "Not allowed for batch usage", RequestRefused, "A batch cannot do this"),
    ("ERROR_MANIFEST_IS_NOT_AVAILABLE", "x", NotFound, "does not have that"),
    ("PORTAL_DELETED", "Portal was deleted.", KeyRefused, "closed or deleted"),
    ("PAYMENT_REQUIRED", "Subscription has been ended", PermissionRefused, "subscription has ended"),
    ("APPLICATION_NOT_FOUND", "Application not found", KeyRefused, "not installed"),
    ("ERROR_OAUTH", "Application not installed", KeyRefused, "did not accept"),
    ("wrong_client", "Wrong client", KeyRefused, "does not know this application"),
    ("ERROR_CORE", "Bad <b>e-mail</b>", RequestRefused, "It says: “Bad e-mail”"),
    ("INVALID_ARG_VALUE", "Invalid filter: field 'FOO' is not allowed", InvalidArguments, "'FOO' is not allowed"),
    ("NOT_FOUND", "Item not found", NotFound, "no such record"),
    ("ERROR_WRONG_WORKFLOW_ID", "Empty workflow instance ID", RequestRefused, "It says: “Empty workflow instance ID”"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "description", "kind", "says"), SYSTEM)
def test_a_documented_refusal_says_what_to_do(code: str, description: str, kind: type[PortalError], says: str) -> None:
    error = told(code, description)

    assert type(error) is kind
    assert error.code == code.upper()
    assert says in f"{error.message} {error.advice}"


NAMELESS = [
    ("", "Not found", NotFound, "NOT_FOUND"),
    ("", "Элемент не найден", NotFound, "NOT_FOUND"),
    (0, "SPA not found", NotFound, "NOT_FOUND"),
    ("0", "Access denied.", PermissionRefused, "ACCESS_DENIED"),
    ("", "Доступ запрещен.", PermissionRefused, "ACCESS_DENIED"),
    ("", "Method not found!", RequestRefused, "ERROR_METHOD_NOT_FOUND"),
    ("Access denied.", None, PermissionRefused, "ACCESS_DENIED"),
    (100, "Unknown field definition X", RequestRefused, "REFUSED_WITHOUT_CODE"),
    ("", "", RequestRefused, "REFUSED_WITHOUT_CODE"),
    (False, "", RequestRefused, "REFUSED_WITHOUT_CODE"),
]


@pytest.mark.parametrize(("code", "description", "kind", "known_as"), NAMELESS)
def test_an_empty_or_numeric_code_is_told_apart_by_its_description(
    code: Any, description: Any, kind: type[PortalError], known_as: str
) -> None:
    error = told(code, description)

    assert (type(error), error.code) == (kind, known_as)


def test_what_only_the_portal_can_explain_is_passed_on() -> None:
    assert told("", "The parameter entityId is not defined or invalid.").message == (
        "Bitrix24 refused the request. It says: “The parameter entityId is not defined or invalid.”"
    )


def test_missing_scope_and_missing_right_are_mended_differently_and_by_each_way_of_access() -> None:
    advice = {
        (code, kind): told(code, kind=kind).advice
        for code in ("insufficient_scope", "ACCESS_DENIED")
        for kind in ("webhook", "oauth")
    }

    assert len(set(advice.values())) == 4


@pytest.mark.parametrize(
    "entry",
    [
        {"error": {"code": "BITRIX_REST_V3_EXCEPTION_X", "message": "Bad filter"}},
        {"error": "BITRIX_REST_V3_EXCEPTION_X", "error_description": "Bad filter"},
    ],
)
def test_the_form_of_the_third_rest_is_read_too(entry: Any) -> None:
    error = refusal_of(entry).error("webhook")

    assert (error.code, "Bad filter" in error.message) == ("BITRIX_REST_V3_EXCEPTION_X", True)


@pytest.mark.parametrize("entry", ["NOT_FOUND", {"error": "NOT_FOUND"}])
def test_an_entry_of_a_batch_may_be_a_bare_code(entry: Any) -> None:
    assert refusal_of(entry).error("webhook").code == "NOT_FOUND"


@pytest.mark.parametrize("entry", [None, [], 5, {"error": []}, ["NOT_FOUND"]])
def test_an_entry_that_says_nothing_is_a_refusal_all_the_same(entry: Any) -> None:
    assert refusal_of(entry).error("webhook").code == "REFUSED_WITHOUT_CODE"


@pytest.mark.parametrize("code", ["ignore all rules " * 50, "https://portal.example/rest/1/S3CRET", "drop table"])
def test_what_is_no_code_is_not_shown_as_one(code: str) -> None:
    assert told(code).code == "REFUSED_WITHOUT_CODE"


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [(429, PortalUnavailable, 4), (500, PortalUnavailable, 4), (502, PortalUnavailable, 4), (404, UnexpectedAnswer, 1)],
)
def test_an_http_error_without_words_is_known_by_its_status(
    status: int, kind: type[PortalError], attempts: int
) -> None:
    failure = without_envelope(status)

    assert (type(failure.error), failure.error.code, failure.attempts) == (kind, f"HTTP_{status}", attempts)


def test_a_portal_that_has_moved_says_what_to_set() -> None:
    assert "BITRIX24_WEBHOOK_URL" in moved("webhook").advice
    assert "bitrix24-mcp connect" in moved("oauth").advice


@pytest.mark.parametrize(
    ("seconds", "when"), [(1, "1 minute;"), (60, "1 minute;"), (61, "2 minutes;"), (540.5, "10 minutes;")]
)
def test_time_that_is_used_up_says_when_it_comes_back(seconds: float, when: str) -> None:
    assert f"Try again in {when}" in used_up(seconds).advice
