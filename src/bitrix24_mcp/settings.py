"""Settings: read once, frozen, checked; a message names the variable that is wrong."""

from collections.abc import Mapping
from importlib import metadata
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from bitrix24_mcp.vibecode.credentials import Credentials, base_url_error

GATEWAY = "https://vibecode.bitrix24.tech"


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and what belongs there."""


def version() -> str:
    """The installed version of the package."""
    return metadata.version("bitrix24-mcp")


class Settings(BaseModel):
    """Everything an operator can set. Empty means not set; keys and tokens do not show in a repr."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, validate_by_alias=True)

    api_key: Annotated[SecretStr, Field(alias="VIBECODE_API_KEY")] = SecretStr("")
    session_token: Annotated[SecretStr, Field(alias="VIBECODE_SESSION_TOKEN")] = SecretStr("")
    base_url: Annotated[str, Field(alias="VIBECODE_BASE_URL")] = GATEWAY
    time_zone: Annotated[str, Field(alias="BITRIX24_MCP_TIME_ZONE")] = ""
    max_tokens: Annotated[int, Field(alias="BITRIX24_MCP_MAX_TOKENS", ge=300, le=50_000)] = 4_000
    max_calls: Annotated[int, Field(alias="BITRIX24_MCP_MAX_CALLS", ge=5, le=10_000)] = 100
    max_seconds: Annotated[int, Field(alias="BITRIX24_MCP_MAX_SECONDS", ge=5, le=3_600)] = 120
    tools: Annotated[frozenset[str], Field(alias="BITRIX24_MCP_TOOLS")] = frozenset()
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

    def credentials(self) -> Credentials:
        """The key to the portal; raises SettingsError when there is none."""
        key, token = self.api_key.get_secret_value(), self.session_token.get_secret_value()
        if not key:
            raise SettingsError(
                "No key is set. Set VIBECODE_API_KEY to a key from the VibeCode console (and VIBECODE_SESSION_TOKEN "
                "beside a vibe_app_ key), or add --demo to try the built-in demo portal without a key."
            )
        if key.startswith("vibe_app_") and not token:
            raise SettingsError(
                "VIBECODE_API_KEY holds an app key (vibe_app_…), which needs a user's session. Set "
                "VIBECODE_SESSION_TOKEN as well."
            )
        return Credentials(self.base_url, key, token)

    @field_validator("api_key", "session_token")
    @classmethod
    def _one_word(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value()
        if not secret.isascii() or any(character.isspace() or not character.isprintable() for character in secret):
            raise ValueError("must be one word of plain characters")
        return value

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

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value
