#!/usr/bin/env python3
"""Make, renew and show the certificates that `securechat serve` needs: a thin face over `securechat.tls.authority`.

Runs with any Python: where securechat is not installed, the repository's `.venv` takes over.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
HANDED_OVER = "SECURECHAT_GEN_CERTS_HANDED_OVER"  # set for the second run, so that there is no third

EXAMPLES = """\
examples:
  python scripts/gen_certs.py                                    once, before the first start
  python scripts/gen_certs.py --host chat.example.org --host 192.0.2.7
  python scripts/gen_certs.py renew                              same CA, names and key: nobody notices
  python scripts/gen_certs.py renew --new-key                    the pin changes, the CA does not
  python scripts/gen_certs.py client ada                         clients/ada.crt and .key
  python scripts/gen_certs.py --force --host chat.example.org    other names, a new key, the same CA
  python scripts/gen_certs.py --new-ca                           everyone needs the new ca.crt
"""


def hand_over(error: ImportError) -> None:
    """Become the same command under the repository's Python, or say what to type and exit."""
    if HANDED_OVER not in os.environ and VENV_PYTHON.exists():
        os.environ[HANDED_OVER] = "1"
        try:
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), *sys.argv])  # noqa: S606 - no shell is wanted
        except OSError as refused:
            print(f"gen_certs.py: cannot run {VENV_PYTHON}: {refused.strerror}", file=sys.stderr)
    venv, root = shlex.quote(str(ROOT / ".venv")), shlex.quote(str(ROOT))
    install = f"python3 -m venv {venv} && {venv}/bin/pip install -e {root}"
    sys.exit(usage_error(f"cannot import what it needs ({error}); type: {install}"))


def usage_error(text: str) -> int:
    print(f"gen_certs.py: {text}", file=sys.stderr)
    return 2


try:
    from securechat.errors import SecurechatError
    from securechat.tls import authority
except ImportError as missing:
    hand_over(missing)


def main() -> int:
    parser = make_parser()
    arguments = parser.parse_args()
    if arguments.action and (arguments.host or arguments.force or arguments.new_ca):
        parser.error(f"--host, --force and --new-ca do not go with {arguments.action}")
    try:
        arguments.run(arguments)
    except SecurechatError as error:
        print(f"gen_certs.py: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gen_certs.py",
        description="Make ca.crt, ca.key, server.crt and server.key. Nothing is overwritten without --force.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=create, days=None)
    parser.add_argument("--host", action="append", default=[], metavar="NAME_OR_ADDRESS", help="vouch for this, too")
    parser.add_argument("--force", action="store_true", help="replace the server's certificate and key; keep the CA")
    parser.add_argument(
        "--new-ca", action="store_true", help="replace the CA, which everyone must get, and all that it signed"
    )
    add_common(parser, authority.LEAF_DAYS, default_folder=Path("certs"))
    actions = parser.add_subparsers(dest="action", metavar="[renew | client NAME]")
    renewal = actions.add_parser("renew", help="a new certificate with the kept CA, names and key")
    renewal.set_defaults(run=renew)
    renewal.add_argument("--new-key", action="store_true", help="make a new key, too: the pin changes")
    add_common(renewal, authority.LEAF_DAYS)
    person = actions.add_parser("client", help="a certificate by which an account can log in")
    person.set_defaults(run=client)
    person.add_argument("name", metavar="NAME", help="the account's name")
    add_common(person, authority.CLIENT_DAYS)
    return parser


def add_common(parser: argparse.ArgumentParser, days: int, default_folder: Path | None = None) -> None:
    """The options every action has; an action's own must not undo what was given before its name."""
    folder = argparse.SUPPRESS if default_folder is None else default_folder
    parser.add_argument("--dir", type=Path, default=folder, metavar="FOLDER", help="where they are; default: certs")
    parser.add_argument(
        "--days", type=int, default=argparse.SUPPRESS, metavar="N", help=f"how long it lives; default: {days}"
    )


def create(arguments: argparse.Namespace) -> None:
    days = arguments.days if arguments.days is not None else authority.LEAF_DAYS
    made = authority.create(arguments.dir, arguments.host, days, force=arguments.force, new_ca=arguments.new_ca)
    show(made)
    if made.ca_replaced:
        warn("the CA is new: everyone who connects with --ca needs the new ca.crt; certificates for logging in end")
    if made.key_replaced:
        warn_of_new_key()
    print(f"next: securechat adduser NAME --admin, then {serve_command(arguments.dir)}")


def renew(arguments: argparse.Namespace) -> None:
    days = arguments.days if arguments.days is not None else authority.LEAF_DAYS
    made = authority.renew(arguments.dir, days, new_key=arguments.new_key)
    show(made)
    if made.key_replaced:
        warn_of_new_key()
    print(f"next: a running server takes it over by itself; start one with: {serve_command(arguments.dir)}")


def client(arguments: argparse.Namespace) -> None:
    days = arguments.days if arguments.days is not None else authority.CLIENT_DAYS
    made = authority.client(arguments.dir, arguments.name, days)
    show(made)
    print(f"next: hand both files to {arguments.name} over a safe way, and delete the key here; to take it back, type:")
    print(f"      securechat certs revoke {made.serial} --for {arguments.name}")


def show(made: authority.Made) -> None:
    for path in made.written:
        print(f"wrote {path}")
    print(f"until {made.expires:%Y-%m-%d}")
    if made.names:
        print(f"names {' '.join(made.names)}")
        print(f"pin   {made.pin}")
    else:
        print(f"serial {made.serial}")


def serve_command(folder: Path) -> str:
    if folder == Path("certs"):
        return "securechat serve"
    files = authority.server_files(folder)
    return f"securechat serve --cert {shlex.quote(str(files.certificate))} --key {shlex.quote(str(files.key))}"


def warn_of_new_key() -> None:
    warn("the key is new: everyone who connects with --pin, or trusted the old key, needs the new pin")


def warn(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
