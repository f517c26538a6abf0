"""Settings: read once, frozen, checked; a message names the variable that is wrong."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from bitrix24_mcp.accounts.addresses import host_of
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.folder import data_folder
from bitrix24_mcp.oauth_settings import OAuthSettings
from bitrix24_mcp.rest.access.webhook import Webhook, webhook_error
from bitrix24_mcp.vibecode.credentials import Credentials, base_url_error

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Where a server may listen that speaks for its operator's key and asks nobody who they are."""
GATEWAY = "https://vibecode.bitrix24.tech"
_SHARED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "redis": (("redis://", "rediss://", "unix://"), "Redis server, such as redis://redis.example:6379/0"),
    "database": (
        ("postgresql://", "postgres://"),
        "PostgreSQL database, such as postgresql://user@host/bitrix24_mcp",
    ),
}
"""How addresses of what replicas share begin, and what they are."""
Door = Literal["gateway", "webhook", "account"]
"""The ways to a portal: a gateway key, an incoming webhook, an account connected through OAuth."""


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and what belongs there."""


def version() -> str:
    """The installed version of the package."""
    return metadata.version("bitrix24-mcp")


class Settings(OAuthSettings):
    """Everything an operator can set. Empty means not set; keys and tokens do not show in a repr."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, validate_by_alias=True)

    api_key: Annotated[SecretStr, Field(alias="VIBECODE_API_KEY")] = SecretStr("")
    session_token: Annotated[SecretStr, Field(alias="VIBECODE_SESSION_TOKEN")] = SecretStr("")
    base_url: Annotated[str, Field(alias="VIBECODE_BASE_URL")] = GATEWAY
    webhook_url: Annotated[SecretStr, Field(alias="BITRIX24_WEBHOOK_URL")] = SecretStr("")
    portal: Annotated[str, Field(alias="BITRIX24_PORTAL")] = ""
    plan: Annotated[Literal["", "enterprise"], Field(alias="BITRIX24_PLAN")] = ""
    client_id: Annotated[str, Field(alias="BITRIX24_CLIENT_ID")] = ""
    client_secret: Annotated[SecretStr, Field(alias="BITRIX24_CLIENT_SECRET")] = SecretStr("")
    authorization_hosts: Annotated[tuple[str, ...], Field(alias="BITRIX24_MCP_AUTHORIZATION_HOSTS")] = ()
    return_hosts: Annotated[tuple[str, ...], Field(alias="BITRIX24_MCP_RETURN_HOSTS")] = ()
    data_dir: Annotated[str, Field(alias="BITRIX24_MCP_DATA_DIR")] = ""
    data_home: Annotated[str, Field(alias="XDG_DATA_HOME")] = ""
    time_zone: Annotated[str, Field(alias="BITRIX24_MCP_TIME_ZONE")] = ""
    max_tokens: Annotated[int, Field(alias="BITRIX24_MCP_MAX_TOKENS", ge=300, le=50_000)] = 4_000
    max_calls: Annotated[int, Field(alias="BITRIX24_MCP_MAX_CALLS", ge=5, le=10_000)] = 100
    max_seconds: Annotated[int, Field(alias="BITRIX24_MCP_MAX_SECONDS", ge=5, le=3_600)] = 120
    tools: Annotated[frozenset[str], Field(alias="BITRIX24_MCP_TOOLS")] = frozenset()
    allow_writes: Annotated[bool, Field(alias="BITRIX24_MCP_ALLOW_WRITES")] = False
    allow_deletes: Annotated[bool, Field(alias="BITRIX24_MCP_ALLOW_DELETES")] = False
    confirm: Annotated[Literal["person", "always", "deletes"], Field(alias="BITRIX24_MCP_CONFIRM")] = "always"
    intake: Annotated[bool, Field(alias="BITRIX24_MCP_INTAKE")] = False
    auth: Annotated[Literal["none", "key", "token", "oauth"], Field(alias="BITRIX24_MCP_AUTH")] = "none"
    tokens: Annotated[str, Field(alias="BITRIX24_MCP_TOKENS")] = ""
    redis: Annotated[SecretStr, Field(alias="BITRIX24_MCP_REDIS")] = SecretStr("")
    replicas: Annotated[int, Field(alias="BITRIX24_MCP_REPLICAS", ge=1, le=100)] = 2
    database: Annotated[SecretStr, Field(alias="BITRIX24_MCP_DATABASE")] = SecretStr("")
    accounts_key: Annotated[SecretStr, Field(alias="BITRIX24_MCP_ACCOUNTS_KEY")] = SecretStr("")
    hosts: Annotated[tuple[str, ...], Field(alias="BITRIX24_MCP_HOSTS")] = ()
    telemetry: Annotated[Literal["", "prometheus", "otlp", "both"], Field(alias="BITRIX24_MCP_TELEMETRY")] = ""
    log_format: Annotated[Literal["text", "json"], Field(alias="BITRIX24_MCP_LOG_FORMAT")] = "text"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(alias="BITRIX24_MCP_LOG_LEVEL")] = (
        "WARNING"
    )

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The settings in an environment; raises SettingsError for the first that is wrong."""
        try:
            return cls.model_validate({name: value.strip() for name, value in environment.items() if value.strip()})
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
        reason = problem["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{problem['loc'][0]}: {reason}.")

    @property
    def door(self) -> Door:
        """The one way to a portal that is set; raises SettingsError for none and for several."""
        ways: list[tuple[Door, str, str]] = [
            ("gateway", "VIBECODE_API_KEY", self.api_key.get_secret_value()),
            ("webhook", "BITRIX24_WEBHOOK_URL", self.webhook_url.get_secret_value()),
            ("account", "BITRIX24_PORTAL", self.portal),
        ]
        chosen: list[tuple[Door, str]] = [(door, name) for door, name, value in ways if value]
        if len(chosen) > 1:
            names = " and ".join(name for _, name in chosen)
            raise SettingsError(f"{names} are set, and each names a portal. Leave one of them.")
        if not chosen:
            raise SettingsError(
                "No way to a portal is set. Set VIBECODE_API_KEY to a key from the VibeCode console (and "
                "VIBECODE_SESSION_TOKEN beside a vibe_app_ key), or BITRIX24_WEBHOOK_URL to the address of an incoming "
                "webhook, or BITRIX24_PORTAL to a portal connected with `bitrix24-mcp connect`; or add --demo to try "
                "the built-in demo portal without any of them."
            )
        return chosen[0][0]

    def check_door(self) -> None:
        """Raises SettingsError when what is set opens no portal, before anything is opened."""
        door = self.door
        if door == "gateway":
            self.credentials()
        if door == "account":
            self.card()

    def webhook(self) -> Webhook:
        """The incoming webhook that is set."""
        return Webhook(self.webhook_url.get_secret_value())

    def credentials(self) -> Credentials:
        """The gateway key that is set; raises SettingsError when it lacks its session."""
        key, token = self.api_key.get_secret_value(), self.session_token.get_secret_value()
        if key.startswith("vibe_app_") and not token:
            raise SettingsError(
                "VIBECODE_API_KEY holds an app key (vibe_app_…), which needs a user's session. Set "
                "VIBECODE_SESSION_TOKEN as well."
            )
        return Credentials(self.base_url, key, token)

    def check_http(self, host: str, *, sse: bool) -> None:
        """Raises SettingsError where HTTP would be served to others without asking who they are, or to nobody."""
        if sse and self.auth != "none":
            raise SettingsError(
                "The legacy SSE transport keeps a session in one server; where callers are told apart "
                "(BITRIX24_MCP_AUTH) use --transport http."
            )
        if self.auth == "none" and host not in LOOPBACK:
            raise SettingsError(
                f"--host {host} would let everybody who reaches this machine use your portal. Set BITRIX24_MCP_AUTH to "
                "key (each brings a gateway key of their own), token (they hold tokens of this server) or oauth (they "
                "sign in at an authorization server)."
            )
        if self.auth == "oauth" and self.wrong_for_oauth:
            raise SettingsError(self.wrong_for_oauth)
        if host not in LOOPBACK and not self.names:
            raise SettingsError(
                f"--host {host}: set BITRIX24_MCP_HOSTS to the names under which clients reach the server, "
                "comma-separated, such as mcp.example.com."
            )
        if self.auth in {"key", "oauth"} and self.has_door:
            theirs = (
                "callers bring their own way to a portal" if self.auth == "key" else "people have portals in a file"
            )
            raise SettingsError(
                f"BITRIX24_MCP_AUTH is {self.auth}, so {theirs}: leave VIBECODE_API_KEY, BITRIX24_WEBHOOK_URL and "
                "BITRIX24_PORTAL out."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts under which clients reach the server besides this machine's own."""
        return (*self.hosts, *([host_of(self.public_url)] if self.public_url else []))

    @property
    def people_file(self) -> Path:
        """The file that says who is served which portal; raises SettingsError when none is named."""
        if not self.people:
            raise SettingsError("Name the file of people in BITRIX24_MCP_PEOPLE.")
        return Path(self.people).expanduser()

    @property
    def tokens_file(self) -> Path:
        """The file of tokens; raises SettingsError when none is named."""
        if not self.tokens:
            raise SettingsError("Name the file of tokens in BITRIX24_MCP_TOKENS.")
        return Path(self.tokens).expanduser()

    @property
    def has_door(self) -> bool:
        """Whether a way to a portal is set."""
        return bool(self.api_key.get_secret_value() or self.webhook_url.get_secret_value() or self.portal)

    @property
    def has_database(self) -> bool:
        """Whether journal, accounts and the like are kept for several replicas."""
        return bool(self.database.get_secret_value())

    @property
    def data_folder(self) -> Path:
        """Where connected portals are kept on this machine."""
        return data_folder(self.data_dir, self.data_home)

    @property
    def has_card(self) -> bool:
        """Whether an OAuth application is set, so that portals can be connected."""
        return bool(self.client_id and self.client_secret.get_secret_value())

    def card(self) -> Card:
        """The OAuth application; raises SettingsError when there is none."""
        if not self.has_card:
            raise SettingsError(
                "No application is set. Register one in the portal (Developer resources, Other, Local application) and "
                "set BITRIX24_CLIENT_ID and BITRIX24_CLIENT_SECRET to what its card shows."
            )
        return Card(self.client_id, self.client_secret.get_secret_value(), self.authorization_hosts, self.return_hosts)

    @field_validator(
        "api_key", "session_token", "client_secret", "oauth_client_secret", "redis", "database", "accounts_key"
    )
    @classmethod
    def _one_word(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value()
        if not secret.isascii() or any(character.isspace() or not character.isprintable() for character in secret):
            raise ValueError("must be one word of plain characters")
        return value

    @field_validator("webhook_url")
    @classmethod
    def _of_a_webhook(cls, value: SecretStr) -> SecretStr:
        address = value.get_secret_value()
        if address and (error := webhook_error(address)):
            raise ValueError(error)
        return value

    @field_validator("redis", "database")
    @classmethod
    def _of_a_shared_server(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        schemes, wanted = _SHARED[str(info.field_name)]
        address = value.get_secret_value()
        if address and not address.startswith(schemes):
            raise ValueError(f"must be the address of a {wanted}")
        return value

    @field_validator("authorization_hosts", "return_hosts", "hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts = [host_of(name) for name in value.split(",") if name.strip()]
        if "" in hosts:
            raise ValueError("must be hosts, comma-separated, such as oauth.example.com")
        return tuple(hosts)

    @field_validator("portal")
    @classmethod
    def _of_a_portal(cls, value: str) -> str:
        if value and not host_of(value):
            raise ValueError("must be a portal's address, such as company.bitrix24.com")
        return host_of(value)

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str) -> str:
        if error := base_url_error(value):
            raise ValueError(error)
        return value.rstrip("/").removesuffix("/v1")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value) if value else None
        except (KeyError, ValueError, OSError):
            raise ValueError("must be an IANA time zone such as Europe/Moscow") from None
        return value

    @field_validator("tools", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("plan", "confirm", "auth", "telemetry", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value
