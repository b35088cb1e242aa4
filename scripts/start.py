"""What scripts/start does once the project is installed: certificates, the first accounts, what to type next, `serve`.

At the top only the standard library: --help also works before the installation.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from starting import Refused, Server, is_this_machine, reachable, run_command, split

if TYPE_CHECKING:
    from securechat.config import Settings

ROOT = Path(__file__).resolve().parents[1]
DEMO_PEOPLE = ("alice", "bob", "carol")
DEFAULT_PORT = 6697
EXAMPLES = """\
examples:
  scripts/start                                    asks for the first account's name and password
  scripts/start --user ada --password-file FILE    asks nothing
  scripts/start --invite ada,bob                   prints a line for each, with which they join; ada is an admin
  scripts/start --demo                             three accounts, this machine only
  scripts/start --listen 127.0.0.1:7000 --log-level DEBUG
"""


def main() -> None:
    options, rest = parse()
    try:
        server = prepare(options, rest)
    except Refused as error:
        sys.exit(report(error, 2))
    except OSError as error:
        sys.exit(report(f"cannot use {error.filename!r}: {error.strerror}", 1))
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)
    sys.stdout.flush()
    command = [sys.executable, "-m", "securechat", "serve", *server.options, *server.serve_options]
    os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


def prepare(options: argparse.Namespace, rest: list[str]) -> Server:
    from securechat.errors import SecurechatError

    try:
        server = demo_server(options, rest) if options.demo else own_server(options, rest)
        make_certificates(server)
        if options.demo:
            make_demo_accounts(server)
        elif options.invite:
            import inviting  # which imports the store

            inviting.invite(server, options.invite.split(","))
        else:
            make_first_account(server, options)
    except SecurechatError as error:
        sys.exit(report(error, error.exit_status))
    return server


def report(error: object, status: int) -> int:
    print(f"start: {error}", file=sys.stderr)
    return status


def parse() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="scripts/start",
        description="Install, make certificates and the first account where there are none, and start the server.",
        epilog=f"Other options go to `securechat serve`.\n\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--demo", action="store_true", help="three accounts with random passwords, this machine only")
    add("--data", type=path, metavar="DIR", help="the server's data folder; with --demo instead of .demo")
    add("--config", type=path, metavar="FILE", help="the configuration instead of config.toml in the data folder")
    add("--listen", action="append", default=[], metavar="HOST:PORT", help="may be given several times")
    add("--invite", metavar="NAMES", help="print a line for each of these, with which they join; the first is an admin")
    add("--host", metavar="HOST", help="where people reach this machine, for the certificate and the invites")
    add("--user", metavar="NAME", help="the first account, if there is none yet")
    add("--password-file", type=path, metavar="FILE", help="its password, one line")
    options, rest = parser.parse_known_args()
    if options.demo and (options.user or options.config or options.invite):
        parser.error("--demo has its own accounts and settings; leave out --user, --invite and --config")
    if options.invite and options.user:
        parser.error("--invite makes the first account, too; leave out --user")
    return options, [word for word in rest if word != "--"]


def path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def own_server(options: argparse.Namespace, rest: list[str]) -> Server:
    from securechat import config

    settings, data = config.find(options.data, options.config)
    common = [*given("--data", options.data), *given("--config", options.config)]
    listen = [word for value in options.listen for word in ("--listen", value)]
    address, port = (settings.listen[0].address, settings.listen[0].port) if settings.listen else ("", DEFAULT_PORT)
    place = split(options.listen[0]) if options.listen else (address, port)
    certs = own_certs(settings, data, rest)
    return Server(settings, data, certs, place, options.host, common, [*listen, *certificate_options(certs), *rest])


def own_certs(settings: Settings, data: Path, rest: list[str]) -> Path | None:
    """The folder of certificates to make or renew: that of the repository, unless the data folder has its own."""
    if settings.tls.certificate is not None or any(word.split("=")[0] == "--cert" for word in rest):
        return None
    folders = [ROOT / "certs", data]
    return next((folder for folder in folders if (folder / "server.crt").exists()), folders[0])


def certificate_options(certs: Path | None) -> list[str]:
    return [] if certs is None else ["--cert", str(certs / "server.crt"), "--key", str(certs / "server.key")]


def demo_server(options: argparse.Namespace, rest: list[str]) -> Server:
    from securechat.config import Settings

    folder = options.data or ROOT / ".demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    listen = options.listen or [f"127.0.0.1:{DEFAULT_PORT}"]
    for value in listen:
        if not is_this_machine(split(value)[0]):
            raise Refused(f"--demo listens on this machine only, not on {value!r}; expected 127.0.0.1:PORT")
    data, certs = folder / "server", folder / "certs"
    words = [word for value in listen for word in ("--listen", value)]
    return Server(
        Settings(),
        data,
        certs,
        split(listen[0]),
        None,
        ["--data", str(data)],
        [*words, *certificate_options(certs), *rest],
    )


def given(option: str, path: Path | None) -> list[str]:
    return [] if path is None else [option, str(path)]


def make_certificates(server: Server) -> None:
    if server.certs is None:
        return
    from securechat.tls import authority

    hosts = [host for host in (reachable(server.place[0]), server.host) if host and not is_this_machine(host)]
    if not authority.server_files(server.certs).certificate.exists():
        made = authority.create(server.certs, hosts)
        print(f"made certificates in {server.certs} for {' '.join(made.names)}")
    elif authority.renew_if_due(server.certs):
        print(f"renewed the certificate in {server.certs}")


def make_demo_accounts(server: Server) -> None:
    folder = server.data.parent
    there = {name for name, _ in accounts(server)}
    for name in DEMO_PEOPLE:
        (folder / name).mkdir(mode=0o700, exist_ok=True)
        password = demo_password(folder, name)
        if name in there and password.exists():
            continue
        write_password(password)
        admin = ["--admin"] if name == DEMO_PEOPLE[0] else []
        change = ["passwd", name] if name in there else ["adduser", name, *admin]
        run_command(server, *change, "--password-file", str(password))
    print(f"This demo listens on {server.place[0]} only; all it keeps is in {folder}. In other terminals:")
    for name in DEMO_PEOPLE:
        own = ["--password-file", str(demo_password(folder, name)), "--profile-dir", str(folder / name)]
        print(f"  {login_line(server, name, *own)}")


def demo_password(folder: Path, name: str) -> Path:
    return folder / f"{name}.password"


def write_password(path: Path) -> None:
    path.unlink(missing_ok=True)  # of a start that was cut short
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(12) + "\n")


def make_first_account(server: Server, options: argparse.Namespace) -> None:
    there = accounts(server)
    if not there:
        if options.user:
            run_command(server, "adduser", options.user, "--admin", *given("--password-file", options.password_file))
        elif sys.stdin.isatty():
            ask_first_account(server)
        else:
            print(
                "start: no account yet, so nobody can log in; make one with:"
                " scripts/start --user NAME --password-file FILE",
                file=sys.stderr,
            )
        there = accounts(server)
    admins = [name for name, role in there if role == "admin"]
    print("In a second terminal:")
    print(f"  {login_line(server, next(iter(admins), 'NAME'))}")


def ask_first_account(server: Server) -> None:
    from securechat.cli.main import EXIT_INTERRUPTED, run

    suggested = getpass.getuser()
    print("There is no account yet. The first one is an admin's, who may make others.")
    while (name := input(f"Its name [{suggested}], or - for none: ").strip() or suggested) != "-":
        status = run(["adduser", name, "--admin", *server.options])
        if status == EXIT_INTERRUPTED:
            raise KeyboardInterrupt
        if status == 0:
            return


def accounts(server: Server) -> list[tuple[str, str]]:
    """Name and role of everyone who has not been deleted."""
    from securechat.store.accounts import Accounts
    from securechat.store.database import open_database

    with closing(open_database(server.data, server.settings.store)) as database:
        listing = Accounts(database, server.settings.channels.autojoin).listing()
    return [(listed.account.name, listed.account.role) for listed in listing if not listed.account.deleted]


def login_line(server: Server, name: str, *options: str) -> str:
    host, port = reachable(server.place[0]), server.place[1]
    place = f"{name}@[{host}]" if ":" in host else f"{name}@{host}"
    if port != DEFAULT_PORT:
        place += f":{port or 'PORT'}"  # port 0: `serve` says which one it got
    words = [str(Path(sys.executable).with_name("securechat")), "login", place]
    if server.certs is not None and (server.certs / "ca.crt").exists():
        words += ["--ca", str(server.certs / "ca.crt")]
    return shlex.join([*words, *options])


if __name__ == "__main__":
    main()
