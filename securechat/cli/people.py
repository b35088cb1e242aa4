"""The file of `users import`: CSV lines `name,password[,role]`, all of them judged before any is taken."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from securechat.cli.passwords import warn_if_readable
from securechat.config import Auth
from securechat.errors import SecurechatError
from securechat.protocol.names import fold

if TYPE_CHECKING:
    from securechat.store.accounts import Role

_HEADER = ("name", "password")


class ImportRefused(SecurechatError):
    """Something in the file cannot be taken, so nothing of it was. `problems` has a line of text for each."""

    def __init__(self, text: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Person:
    line: int
    name: str
    password: str = field(repr=False)
    role: Role = "member"


def read(file: str) -> str:
    """The text of FILE, or of standard input for `-`. Raises ImportRefused."""
    where = "standard input" if file == "-" else repr(file)
    try:
        if file == "-":
            content = sys.stdin.buffer.read()
        else:
            warn_if_readable(Path(file))
            content = Path(file).read_bytes()
        return content.decode("utf-8-sig")  # spreadsheets put a mark in front
    except OSError as error:
        raise ImportRefused(f"cannot read {where}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ImportRefused(f"line {line} of {where} is not UTF-8 text; save it as CSV UTF-8") from error


def parse(text: str, settings: Auth, taken: Container[str]) -> list[Person]:
    """Everyone in the file. `taken` has the casefolded names of the accounts there are.

    Raises ImportRefused with every line that cannot be taken.
    """
    people: list[Person] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for line, words in _rows(text, problems):
        try:
            person = _person(line, words)
            _judge(person, settings, taken, seen)
        except SecurechatError as error:
            problems.append(f"line {line}: {error}")
        else:
            people.append(person)
    if problems:
        words_for = "1 line was" if len(problems) == 1 else f"{len(problems)} lines were"
        raise ImportRefused(f"{words_for} refused, so nothing was imported; correct the file", tuple(problems))
    if not people:
        raise ImportRefused("there is nobody in the file; expected lines: name,password[,role]")
    return people


def _rows(text: str, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    first = True
    try:
        for words in reader:
            is_header = first and tuple(word.strip().casefold() for word in words[:2]) == _HEADER
            first = False
            if any(words) and not is_header:
                yield reader.line_num, words
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: {error}")


def _person(line: int, words: list[str]) -> Person:
    if not 2 <= len(words) <= 3:
        raise ImportRefused(f"{len(words)} fields; expected name,password[,role], with quotes around what has a comma")
    name, password, *rest = words
    role = rest[0].strip().casefold() if rest else ""
    if role in ("", "member"):
        return Person(line, name.strip(), password)
    if role == "admin":
        return Person(line, name.strip(), password, "admin")
    raise ImportRefused("the third field is no role; expected admin or member")


def _judge(person: Person, settings: Auth, taken: Container[str], seen: dict[str, int]) -> None:
    from securechat.auth.passwords import check_rule
    from securechat.store.accounts import check_name

    check_name(person.name)
    key = fold(person.name)
    if key in taken:
        raise ImportRefused(f"the name {person.name!r} is taken")
    if (earlier := seen.setdefault(key, person.line)) != person.line:
        raise ImportRefused(f"the name {person.name!r} is in line {earlier} already")
    check_rule(person.password, person.name, settings)
