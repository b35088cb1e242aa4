"""The command `securechat`: finds the command asked for, loads only that one, and turns its end into an exit status."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import click

from securechat import __version__
from securechat.errors import SecurechatError

EXIT_BUG = 9
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count
EXIT_BROKEN_PIPE = 1  # click's own choice

EPILOG = """\b
Exit status:
  0  done            3  cannot reach the server
  1  refused         4  the server is not trusted
  2  wrong usage     5  login failed
  9  a bug
"""


class Entry(NamedTuple):
    target: str  # module:attribute
    summary: str


COMMANDS = {
    "serve": Entry("securechat.cli.serve:serve", "Run the server."),
    "login": Entry("securechat.cli.login:login", "Log in to a server and chat."),
    "join": Entry("securechat.cli.join:join", "Come in with the code of an invite."),
    "trust": Entry("securechat.cli.trust:trust", "List, show and forget the servers' keys that you trust."),
    "doctor": Entry("securechat.cli.doctor:doctor", "Find out why something does not work."),
    "client-setup": Entry("securechat.cli.client_setup:client_setup", "Print the lines that set up another client."),
    "send": Entry("securechat.cli.send:send", "Send a message from a script, and wait until it is stored."),
    "tail": Entry("securechat.cli.tail:tail", "Print what is said in a channel, for scripts."),
    "search": Entry("securechat.cli.search:search", "Find what was said."),
    "adduser": Entry("securechat.cli.accounts:adduser", "Create an account."),
    "invite": Entry("securechat.cli.invite:invite", "Print a line with which somebody joins."),
    "passwd": Entry("securechat.cli.accounts:passwd", "Set an account's password."),
    "deluser": Entry("securechat.cli.accounts:deluser", "Delete an account."),
    "users": Entry("securechat.cli.accounts:users", "List, import, suspend and resume accounts, change roles."),
    "tokens": Entry("securechat.cli.tokens:tokens", "List, create and revoke device tokens."),
    "certs": Entry("securechat.cli.certs:certs", "Show the server's certificate, revoke those of clients."),
    "totp": Entry("securechat.cli.totp:totp", "Enable and disable second factors, renew their recovery codes."),
    "db": Entry("securechat.cli.db:db", "Back up, verify and restore the database."),
    "audit": Entry("securechat.cli.audit:audit", "Show who did what, and verify that record."),
}


class LazyGroup(click.Group):
    """A group that knows its commands from the table and imports a command's module only when it is called.

    SQLAlchemy and Alembic alone take 0.4-0.6 s to import, and a chat client needs neither.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="securechat", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of a bug on stderr, as SECURECHAT_DEBUG=1 does.")
@click.pass_context
def securechat(context: click.Context, debug: bool) -> int:
    """A team's own chat: TLS always, a login always.

    Without a command it logs in where you did last.
    """
    if debug:
        os.environ["SECURECHAT_DEBUG"] = "1"
    if context.invoked_subcommand is not None:
        return 0
    from securechat.cli.resume import resume

    return resume(context)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process. A command may return its exit status."""
    try:
        status = run(args)
        if sys.stdout is not None:  # as it is when the shell closed it
            sys.stdout.flush()
    except BrokenPipeError:  # by what was still buffered; click itself deals with an earlier one
        status = EXIT_BROKEN_PIPE
        drop_output()
    sys.exit(status)


def run(args: Sequence[str] | None) -> int:
    """Run the command line; every way it can end becomes an exit status and at most one line on stderr."""
    try:
        result = securechat.main(args, prog_name="securechat", standalone_mode=False)
    except SecurechatError as error:
        click.echo(f"securechat: {error}", err=True)
        return error.exit_status
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except Exception as error:  # the top of every command
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            click.echo("securechat: no space left on the disk; make room and try again", err=True)
            return 1
        report_bug(error)
        return EXIT_BUG
    return result if isinstance(result, int) else 0


def drop_output() -> None:
    """Send what is still buffered nowhere, or the interpreter complains about the closed pipe at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def report_bug(error: Exception) -> None:
    """One line that says where; the text of a stranger's exception may hold a secret, so it only goes to the log."""
    from securechat import log  # here, as logging would cost each command's start 5 ms

    if running := log.current():
        log.log.critical("a bug ended the command", exc_info=error)
        advice = f"details in {running.path}"
    else:
        advice = "for the details run it again with SECURECHAT_DEBUG=1"
    click.echo(f"securechat: this is a bug: {type(error).__name__} at {place(error)}; {advice}", err=True)
    if os.environ.get("SECURECHAT_DEBUG"):
        traceback.print_exception(error)


def place(error: Exception) -> str:
    """File and line of the innermost frame of our own code."""
    package = Path(__file__).parents[1]
    frames = traceback.extract_tb(error.__traceback__)
    file, line = [(Path(frame.filename), frame.lineno) for frame in frames if package in Path(frame.filename).parents][
        -1
    ]
    return f"{file.relative_to(package.parent)}:{line}"
