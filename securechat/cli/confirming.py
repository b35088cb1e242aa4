"""Asking whether something is really wanted, before it is done for good."""

from __future__ import annotations

import sys

import click

from securechat.errors import SecurechatError


class NotConfirmed(SecurechatError):
    """There is no terminal to ask on, and no --yes."""

    exit_status = 2


def check_terminal() -> None:
    """Raises NotConfirmed when nobody can be asked."""
    if not sys.stdin.isatty():
        raise NotConfirmed("no terminal to ask for confirmation; add --yes")


def confirm(question: str) -> None:
    """Go on only after a yes. Raises NotConfirmed."""
    check_terminal()
    click.confirm(question, abort=True, err=True)
