"""What each refusal of REST means and what to do about it, by webhook and by application (docs: error-codes)."""

from collections.abc import Mapping

from bitrix24_mcp.crm.errors import (
    InvalidArguments,
    KeyRefused,
    NotFound,
    PermissionRefused,
    PortalError,
    PortalUnavailable,
    RequestRefused,
)

_WEBHOOK = "Create an inbound webhook in the portal (Developer resources) and set its address as BITRIX24_WEBHOOK_URL."
_COMPARE = (
    "Compare its address with the webhook's page in the portal (Developer resources); if it is gone, create a new "
    "inbound webhook there. Set the right address as BITRIX24_WEBHOOK_URL."
)
_CONNECT = "Run `bitrix24-mcp connect` with the portal's address again."
_TICK = "Tick the scope in the webhook's settings in the portal, or ask its owner to."
_GRANT = "Add the scope to the application's card in the portal, then run `bitrix24-mcp connect` again."
_RIGHTS = "Ask a portal administrator for the right, or for a webhook of a user who has it."
_RIGHTS_OAUTH = "Ask a portal administrator for the right, or connect as a user who has it."
_NO_MODULE = "the module is switched off or the portal's plan lacks it"
_SUPPORT = "Only Bitrix24's support can lift that; write to it."
_LATER = "Try again in a minute; fewer calls at once help."
_AGAIN = "Try again; if it stays so, narrow the question."

Entry = tuple[type[PortalError], str, str, str]
"""Kind, what happened, what to do with a webhook, what to do with an application's account."""


def either(kind: type[PortalError], what: str, advice: str) -> Entry:
    """The entry of a refusal that is mended in the same way through both."""
    return kind, what, advice, advice


KNOWN: Mapping[str, Entry] = {
    "QUERY_LIMIT_EXCEEDED": either(PortalUnavailable, "The portal is over its request limit.", _LATER),
    "OPERATION_TIME_LIMIT": either(
        PortalUnavailable,
        "The portal's time for this kind of request is used up.",
        "Try again in ten minutes, or narrow the question.",
    ),
    "OVERLOAD_LIMIT": either(PortalUnavailable, "Bitrix24 has blocked this integration for overload.", _SUPPORT),
    "INTERNAL_SERVER_ERROR": either(PortalUnavailable, "The portal failed.", _AGAIN),
    "ERROR_UNEXPECTED_ANSWER": either(PortalUnavailable, "The portal failed.", _AGAIN),
    "CONNECTION_ERROR": either(
        PortalUnavailable, "The portal could not reach its authorisation server.", "Try again in a minute."
    ),
    "ERROR_METHOD_NOT_FOUND": (
        RequestRefused,
        "The portal does not know this method.",
        f"Check that BITRIX24_WEBHOOK_URL has the user's id before the code; otherwise {_NO_MODULE}.",
        f"Probably {_NO_MODULE}.",
    ),
    "NO_AUTH_FOUND": (
        KeyRefused,
        "The portal got no authorisation.",
        f"Check that BITRIX24_WEBHOOK_URL has the user's id and the code. {_WEBHOOK}",
        _CONNECT,
    ),
    "INVALID_CREDENTIALS": (
        KeyRefused,
        "The portal does not know this webhook: it is mistyped, deleted or expired, or its owner was dismissed.",
        _COMPARE,
        _CONNECT,
    ),
    "INSUFFICIENT_SCOPE": (PermissionRefused, "The scope for this was not granted.", _TICK, _GRANT),
    "EXPIRED_TOKEN": (KeyRefused, "The access has expired.", _WEBHOOK, _CONNECT),
    "INVALID_TOKEN": (KeyRefused, "The portal does not know this access.", _WEBHOOK, _CONNECT),
    "AUTHORIZATION_ERROR": (
        KeyRefused,
        "The portal does not let this user in any more.",
        "Its owner may have been dismissed: create a webhook as another user and set it as BITRIX24_WEBHOOK_URL.",
        "The user may have been dismissed: run `bitrix24-mcp connect` as another user.",
    ),
    "USER_ACCESS_ERROR": either(
        PermissionRefused,
        "The portal's administrator gave this application to other users only.",
        "Ask the administrator to add this user to the application's access.",
    ),
    "ACCESS_DENIED": (PermissionRefused, "Bitrix24 does not let this user see or do that.", _RIGHTS, _RIGHTS_OAUTH),
    "ALLOWED_ONLY_INTRANET_USER": either(
        PermissionRefused,
        "This user is from outside the company (extranet), to whom Bitrix24 does not open the CRM.",
        "Use the webhook or the account of an employee.",
    ),
    "WRONG_AUTH_TYPE": (
        PermissionRefused,
        "This needs an application; a webhook cannot do it.",
        "Connect an application with `bitrix24-mcp connect`.",
        "Set a webhook as BITRIX24_WEBHOOK_URL.",
    ),
    "METHOD_CONFIRM_WAITING": either(
        PermissionRefused,
        "An administrator has to approve this method first.",
        "Ask the portal's administrator to approve it.",
    ),
    "METHOD_CONFIRM_DENIED": either(
        PermissionRefused,
        "The portal's administrator declined this method.",
        "Ask the administrator to allow it.",
    ),
    "INVALID_REQUEST": either(RequestRefused, "The portal refused the request.", "Change the arguments."),
    "ERROR_BATCH_LENGTH_EXCEEDED": either(RequestRefused, "Too many calls in one request.", "Please report it."),
    "ERROR_BATCH_METHOD_NOT_ALLOWED": either(RequestRefused, "A batch cannot do this.", "Please report it."),
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": either(NotFound, "The portal does not have that.", "Check its modules."),
    "PORTAL_DELETED": either(KeyRefused, "This portal is closed or deleted.", "Use another portal."),
    "PAYMENT_REQUIRED": either(
        PermissionRefused, "The portal's subscription has ended.", "Ask its administrator to renew the subscription."
    ),
    "APPLICATION_NOT_FOUND": (KeyRefused, "The application is not installed on the portal.", _WEBHOOK, _CONNECT),
    "ERROR_OAUTH": (KeyRefused, "The portal did not accept the authorisation.", _WEBHOOK, _CONNECT),
    "WRONG_CLIENT": (
        KeyRefused,
        "The portal does not know this application.",
        _WEBHOOK,
        "Check BITRIX24_CLIENT_ID and BITRIX24_CLIENT_SECRET, then run `bitrix24-mcp connect` again.",
    ),
    "NOT_INSTALLED": (KeyRefused, "The application is not installed on the portal.", _WEBHOOK, _CONNECT),
    "NOT_FOUND": either(NotFound, "The portal has no such record.", "Check the id."),
    "ERROR_NOT_FOUND": either(NotFound, "The portal has no such record.", "Check the id."),
    "INVALID_ARG_VALUE": either(InvalidArguments, "The portal does not take an argument.", "Change the arguments."),
    "ERROR_CORE": either(RequestRefused, "Bitrix24 refused the request.", "Change the arguments."),
}
HTTPS_ONLY: Entry = either(KeyRefused, "The portal takes requests over https only.", "Use its https address.")
NO_REST_IN_PLAN: Entry = either(
    PermissionRefused, "The portal's plan does not include REST.", "Ask its administrator about the plan."
)
ADMINISTRATORS_ONLY: Entry = (
    PermissionRefused,
    "Bitrix24 opens that to administrators only.",
    "Use a webhook that an administrator created.",
    "Connect as an administrator.",
)
