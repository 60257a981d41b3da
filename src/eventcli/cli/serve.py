"""The command `serve`: a ledger over HTTP."""

import ipaddress
import sys
from functools import partial
from typing import Any

import click

from eventcli.cli.command import ACCESS, help_option, option
from eventcli.cli.failures import report_bug
from eventcli.cli.ledger_access import given_of
from eventcli.cli.ledger_options import kept_options, ledger_command, ledger_option
from eventcli.cli.options import debug_option, line_options
from eventcli.cli.values import NameValue, PathValue, Size
from eventcli.errors import ExitCode
from eventcli.interruption import SignalError
from eventcli.reporting.output import write_stdout
from eventcli.text import name_of


@ledger_command(
    "serve",
    "Show a ledger to browsers and programs as it grows.",
    "eventstats serve --ledger shop.db",
    "eventstats serve --ledger shop.db --port 8090 --read-only",
    "eventstats serve --ledger shop.db --host 0.0.0.0 --token-file token.txt",
)
@ledger_option
@option(
    "--host",
    type=NameValue(),
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    heading=ACCESS,
    help="Address to listen at.",
)
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    metavar="N",
    heading=ACCESS,
    help="Port to listen at; 0: any free one.",
)
@option(
    "--token-file",
    type=PathValue(),
    metavar="FILE",
    heading=ACCESS,
    help="Require the token in FILE: Authorization: Bearer TOKEN.",
)
@option(
    "--no-token", is_flag=True, heading=ACCESS, help="Require no token, although other machines can reach the HOST."
)
@option(
    "--allow-host",
    "hosts",
    type=NameValue(),
    multiple=True,
    metavar="NAME",
    heading=ACCESS,
    help="A name that the server is called by, such as that of a proxy. Repeatable.",
)
@option("--read-only", is_flag=True, heading=ACCESS, help="Take no events: only show the ledger.")
@option(
    "--max-body",
    type=Size(),
    default=16 * 1024 * 1024,
    heading=ACCESS,
    help="Refuse longer bodies of events.  [default: 16MiB]",
)
@kept_options
@line_options(are_kept=True)
@debug_option
@help_option
def serve(
    *,
    path: str,
    host: str,
    port: int,
    token_file: str | None,
    no_token: bool,
    hosts: tuple[str, ...],
    read_only: bool,
    max_body: int,
    keep_rejects: int,
    debug: bool,
    **options: Any,
) -> ExitCode:
    """Show the ledger to browsers and programs as it grows: a page at /, its API at /docs.

    Events that are posted to /events are counted in it, each line once; they are durable before the answer.
    Prints its address as soon as it answers, and serves until a signal ends it.
    """
    given = given_of(options)
    if read_only and given:
        raise click.UsageError("--read-only takes no events: it has no use for what a line means")
    is_local = _is_loopback(host)
    if token_file is not None and no_token:
        raise click.UsageError("--token-file and --no-token exclude each other")
    if not is_local and token_file is None and not no_token:
        raise click.UsageError(
            f"--host {host}: other machines can reach it: --token-file FILE asks them for a token, --no-token lets all"
            " of them in"
        )
    try:
        from eventcli.serve import run  # noqa: PLC0415  # as above
        from eventcli.serve.guard import token_in  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise click.UsageError(f"{error.name} is not installed: pip install 'eventcli[serve]'") from None
    token = None
    if token_file is not None:
        try:
            with open(token_file, encoding="ascii", errors="replace") as file:
                token = token_in(file.read(10_000))
        except (OSError, ValueError) as error:
            message = error.strerror if isinstance(error, OSError) else error
            raise click.UsageError(f"--token-file {name_of(token_file)}: {message}") from None

    def ready(url: str) -> None:
        write_stdout(f"{url}\n".encode())
        sys.stdout.flush()

    try:
        access = run.Access(host, port, token, hosts, is_local)
        taking = None
        if not read_only:
            taking = run.Taking(given, max_body, keep_rejects)
        number = run.serve(path, access, taking, on_ready=ready, on_bug=partial(report_bug, debug=debug))
    except OSError as error:
        raise click.UsageError(f"--host {host} --port {port}: {error.strerror or error}") from None
    if number is not None:
        raise SignalError(number)
    return ExitCode.OK


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
