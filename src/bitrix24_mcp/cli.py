"""The command line, and the only reader of the environment.

Exit codes: 0 done, 1 the portal or the question failed, 2 the command or a setting is wrong, 130 interrupted.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from bitrix24_mcp.commands.memory import settle
from bitrix24_mcp.commands.terminal import Terminal

if TYPE_CHECKING:
    from bitrix24_mcp.settings import Settings

_TOP = """\
Serves a Bitrix24 portal to AI assistants over the Model Context Protocol.

Without a command it serves over stdio, which is what MCP clients start. To look around first, without a key:

  bitrix24-mcp demo                                 a short tour with real questions and answers
  bitrix24-mcp call search_items '{"entity": "deals", "limit": 3}' --demo
"""
_ENVIRONMENT = """\
environment:
  One of these names the portal:
  VIBECODE_API_KEY         a gateway key (vibe_api_…, or vibe_app_… with a session)
  BITRIX24_WEBHOOK_URL     the whole address of an inbound webhook
  BITRIX24_PORTAL          a portal connected with `bitrix24-mcp connect`

  VIBECODE_SESSION_TOKEN   the user's session, with a vibe_app_ key
  VIBECODE_BASE_URL        the gateway, if not https://vibecode.bitrix24.tech
  BITRIX24_CLIENT_ID       the OAuth application with which portals are connected
  BITRIX24_CLIENT_SECRET   its secret
  BITRIX24_MCP_AUTHORIZATION_HOSTS
                           authorisation servers besides Bitrix24's own, comma-separated
  BITRIX24_MCP_RETURN_HOSTS
                           where --return-to may send a browser besides this machine, comma-separated
  BITRIX24_PLAN            enterprise, for a portal whose plan takes 5 requests a second rather than 2
  BITRIX24_MCP_DATA_DIR    where connected portals and the journal are kept, if not in the user's data folder
  BITRIX24_MCP_TIME_ZONE   the zone of dates, if not the user's (such as Europe/Moscow)
  BITRIX24_MCP_MAX_TOKENS  most tokens an answer may cost (4000)
  BITRIX24_MCP_MAX_CALLS   most requests to the portal that a question for figures may take (100)
  BITRIX24_MCP_MAX_SECONDS most seconds that such a question may take (120)
  BITRIX24_MCP_ALLOW_WRITES
                           true offers the tools that create and change records, as --allow-writes does
  BITRIX24_MCP_ALLOW_DELETES
                           true lets them delete records as well, as --allow-deletes does
  BITRIX24_MCP_INTAKE      true adds the tools for intake rules, as --intake does
  BITRIX24_MCP_CONFIRM     who confirms a write: person (only a client that can ask its user), always (else by a
                           code), deletes (only what takes something away is confirmed) (always)
  BITRIX24_MCP_AUTH        over HTTP: none (whoever is on this machine uses your portal), key (each caller sends
                           a gateway key of their own as X-Api-Key), token (each holds a token of this server),
                           oauth (each signs in at an authorization server) (none)
  BITRIX24_MCP_TOKENS      the file of tokens, made with `bitrix24-mcp token`
  BITRIX24_MCP_PUBLIC_URL  with oauth, this server's address as clients use it: https://mcp.example.com/mcp
  BITRIX24_MCP_OAUTH_ISSUER
                           with oauth, the authorization server
  BITRIX24_MCP_PEOPLE      with oauth, the file that says who is served which connected portal
  BITRIX24_MCP_OAUTH_SCOPE a scope that each access token must carry
  BITRIX24_MCP_OAUTH_CLIENT_ID
                           ask the authorization server about each token, as this client of it
  BITRIX24_MCP_OAUTH_CLIENT_SECRET
                           the client's secret
  BITRIX24_MCP_HOSTS       names under which clients reach the server besides this machine's own, comma-separated
  BITRIX24_MCP_REDIS       where replicas share the portals' pace and what they read of portals: redis://host:6379/0
  BITRIX24_MCP_REPLICAS    how many replicas there are at most: each keeps to its part while Redis is down (2)
  BITRIX24_MCP_DATABASE    where replicas keep journal, accounts and intake rules: postgresql://user@host/name
  BITRIX24_MCP_ACCOUNTS_KEY
                           seals the tokens of connected portals there, the same for all replicas
  BITRIX24_MCP_TOOLS       offer only these tools, comma-separated
  BITRIX24_MCP_TELEMETRY   over HTTP, figures of calls: prometheus (at /metrics), otlp (figures and traces to the
                           collector that OTEL_EXPORTER_OTLP_ENDPOINT names), both; needs the extra observability
  BITRIX24_MCP_LOG_FORMAT  text, or json: a line each, with ids of requests and, at INFO, figures of calls (text)
  BITRIX24_MCP_LOG_LEVEL   DEBUG, INFO, WARNING or ERROR, to stderr (WARNING)
"""
_FLAGS = ("allow_writes", "allow_deletes", "intake")
"""Options that switch a setting on."""
_TRANSPORTS = "stdio for clients that start the server; http serves /mcp, and /sse for older clients, as sse does"
_HOST = "where HTTP listens; other than this machine only where callers are told apart (127.0.0.1)"


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    options = _parser().parse_args(_with_command(arguments))
    terminal = Terminal(sys.stdout, sys.stderr, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    try:
        return _run(options, terminal)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(options: argparse.Namespace, terminal: Terminal) -> int:
    # Imported here, so that --help and --version come at once.
    from bitrix24_mcp.settings import Settings, SettingsError  # noqa: PLC0415

    try:
        settings = Settings.of({**os.environ, **_set_by_options(options)})
        _log_to_stderr(settings)
        command: Callable[[argparse.Namespace, Settings, Terminal], int]
        command = import_module(f"bitrix24_mcp.commands.{options.command}").run
        settle()
        return command(options, settings, terminal)
    except SettingsError as error:
        terminal.complain(str(error))
        return 2


def _log_to_stderr(settings: "Settings") -> None:
    logging.basicConfig(stream=sys.stderr, level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
    if settings.log_format == "json":
        from bitrix24_mcp.observing.logs import JsonLines  # noqa: PLC0415 - most users read the log themselves

        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())


def _set_by_options(options: argparse.Namespace) -> Mapping[str, str]:
    """Options that set the same as a variable; the option wins."""
    tools = getattr(options, "tools", None)
    flags = {f"BITRIX24_MCP_{name.upper()}": "true" for name in _FLAGS if getattr(options, name, False)}
    return {**({"BITRIX24_MCP_TOOLS": tools} if tools else {}), **flags}


def _with_command(arguments: Sequence[str]) -> list[str]:
    """`serve` is meant when no command is named."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help", "--version"}):
        return ["serve", *arguments]
    return list(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bitrix24-mcp",
        description=_TOP,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = argparse.ArgumentParser(add_help=False)
    demo.add_argument("--demo", action="store_true", help="use the built-in demo portal; no key needed")

    writing = _writing()

    serve = commands.add_parser("serve", parents=[demo, writing], help="serve over stdio (the default) or HTTP")
    serve.add_argument("--transport", choices=["stdio", "http", "sse"], default="stdio", help=_TRANSPORTS)
    serve.add_argument("--host", default="127.0.0.1", help=_HOST)
    serve.add_argument("--port", type=int, default=8023, help="port for HTTP (8023; 0 = any free one)")
    serve.add_argument("--tools", metavar="A,B", help="offer only these tools")

    call = commands.add_parser("call", parents=[demo, writing], help="call one tool and print its JSON")
    call.add_argument("--yes", action="store_true", help="agree to what is written, without being asked")
    call.add_argument("tool", metavar="TOOL", help="the tool's name")
    call.add_argument("arguments", metavar="JSON", nargs="?", default="{}", help="its arguments as a JSON object")

    tools = commands.add_parser("tools", parents=[writing], help="show what is offered")
    tools.add_argument("--json", action="store_true", help="the exact tools/list entries")
    tools.add_argument("--tools", metavar="A,B", help="only these tools")

    commands.add_parser("demo", help="a short tour: real questions, their answers and what they cost")

    portal = commands.add_parser("portal", help="run the demo portal alone")
    portal.add_argument("--port", type=int, default=8024, help="port on 127.0.0.1 (8024; 0 = any free one)")
    portal.add_argument("--deals", type=int, default=12_000, help="size of the data (12000)")
    portal.add_argument("--seed", type=int, default=1, help="seed of the data (1)")

    _add_accounts(commands.add_parser)
    _add_journal(commands.add_parser)
    token = commands.add_parser("token", help="make a token with which somebody may use this server over HTTP")
    token.add_argument("name", metavar="NAME", help="whose it is, as the journal will call them")
    commands.add_parser(
        "doctor", parents=[demo], help="check the way to the portal, scopes and rights, and say how to mend them"
    )
    return parser


def _add_accounts(add: Callable[..., argparse.ArgumentParser]) -> None:
    connect = add("connect", help="connect a portal through an OAuth application")
    connect.add_argument("portal", metavar="PORTAL", help="the portal's address, such as example.bitrix24.ru")
    connect.add_argument("--no-browser", action="store_true", help="only print the link")
    connect.add_argument("--port", type=int, default=8765, help="where the browser comes back to 127.0.0.1 (8765)")
    connect.add_argument("--link-only", action="store_true", help="print the link; a running HTTP server waits")
    connect.add_argument("--return-to", metavar="URL", default="", help="where the browser is sent afterwards")

    accounts = add("accounts", help="show the portals that were connected")
    accounts.add_argument("--json", action="store_true", help="as JSON")

    disconnect = add("disconnect", help="erase a connected portal's tokens")
    disconnect.add_argument("portal", metavar="PORTAL", help="its address, as accounts shows it")


def _writing() -> argparse.ArgumentParser:
    """The options of commands that may write."""
    writing = argparse.ArgumentParser(add_help=False)
    writing.add_argument("--allow-writes", action="store_true", help="offer the tools that create and change records")
    writing.add_argument("--allow-deletes", action="store_true", help="let them delete records as well")
    writing.add_argument("--intake", action="store_true", help="with --allow-writes: the tools for intake rules")
    return writing


def _add_journal(add: Callable[..., argparse.ArgumentParser]) -> None:
    undo = add("undo", help="reverse what an operation of the journal wrote")
    undo.add_argument("operation", metavar="NUMBER", type=int, help="its number, as journal shows it")
    undo.add_argument("--yes", action="store_true", help="agree without being asked")
    undo.set_defaults(demo=False)  # what was written to a demo portal ended with it

    journal = add("journal", help="show what was written to portals")
    journal.add_argument("number", metavar="NUMBER", nargs="?", type=int, help="all of one operation, by its number")
    journal.add_argument("--json", action="store_true", help="whole operations as JSON")
    journal.add_argument("--limit", type=int, metavar="N", help="how many operations, the latest first (20)")
    journal.add_argument("--unknown", action="store_true", help="only those of which an outcome is not known")
    journal.add_argument(
        "--settle",
        choices=["done", "not-done"],
        help="note what you found in the portal, where an outcome is not known",
    )


class _Version(argparse.Action):
    """Prints the version without importing anything heavy."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - only here

        sys.stdout.write(f"bitrix24-mcp {version('bitrix24-mcp')}\n")
        parser.exit()
