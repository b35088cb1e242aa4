"""A channel: who is a member, who is present, its topic and modes. No sockets, no storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import NamedTuple

from securechat.chat.masks import matches_any
from securechat.chat.person import Person, Recipient
from securechat.store.rows import ChannelStored

OPERATOR = 2
VOICE = 1
PREFIXES = ((OPERATOR, "@", "o"), (VOICE, "+", "v"))
LIST_MODES = "beI"
DEFAULT_MODES = "nt"
NAMES_BYTES = 340  # of names in one 353, so that with server, nick and channel it stays below 512

Audience = tuple[Recipient, ...]


class ListEntry(NamedTuple):
    """Who set a mask, and when (milliseconds)."""

    set_by: str
    set_at: int


class Channel:
    """State of the core; changed through the turn only, which calls `changed` so that what is derived is made anew."""

    __slots__ = (
        "_audiences",
        "_listed",
        "_names",
        "_words",
        "autojoin",
        "created",
        "invited",
        "key",
        "left_by",
        "lists",
        "members",
        "modes",
        "name",
        "password",
        "topic",
        "topic_by",
        "topic_time",
        "unannounced",
        "user_limit",
    )

    def __init__(self, stored: ChannelStored, autojoin: bool = False) -> None:
        self.autojoin = autojoin  # every new account is a member, every admin an operator
        self.key = stored.key
        self.name = stored.name
        self.created = stored.created
        self.topic = stored.topic
        self.topic_by = stored.topic_by
        self.topic_time = stored.topic_time
        self.modes = stored.modes
        self.password = stored.password
        self.user_limit = stored.user_limit
        self.members: dict[Person, int] = {}  # role bits as stored
        self.lists: dict[tuple[str, str], ListEntry] = {}  # (mode, mask)
        self.invited: dict[Person, None] = {}  # not stored: an invitation ends with the server's run
        self.left_by: Person | None = None  # who went last, while nobody is a member; not stored
        self.unannounced: dict[Person, None] = {}  # arrived in the quiet time after a start, JOIN not yet shown
        self._audiences: Mapping[int, Audience] | None = None
        self._words: dict[bool, dict[Person, str]] = {}  # of everyone present, with its prefix; by multi-prefix
        self._names: dict[bool, list[str]] = {}  # the same, cut into lines
        self._listed: dict[tuple[str, Person], bool] = {}  # who is meant by the masks of a mode

    def stored(self) -> ChannelStored:
        return ChannelStored(
            self.key,
            self.name,
            self.created,
            self.topic,
            self.topic_by,
            self.topic_time,
            self.modes,
            self.password,
            self.user_limit,
        )

    def changed(self, name: str) -> None:
        """`name` is the attribute; what members do elsewhere comes to `member_changed`."""
        if name in ("members", "lists"):
            self._audiences = None
        if name == "members":
            self._words.clear()
            self._names.clear()
        if name == "lists":
            self._listed.clear()

    def member_changed(self, person: Person) -> None:
        """Sessions of the person came, went or changed, or its account did; the others' words stay as they are.

        A thousand people who come back together would else have the list of all made anew a thousand times.
        """
        self._audiences = None
        self._names.clear()
        for multi_prefix, words in self._words.items():
            if person.present and person in self.members:
                words[person] = self._word(person, multi_prefix)
            else:
                words.pop(person, None)

    @property
    def is_plain(self) -> bool:
        """Whether nobody has set anything."""
        set_ = (self.topic, self.password, self.user_limit, self.lists)
        return self.modes == DEFAULT_MODES and not any(set_)

    @property
    def secret(self) -> bool:
        """Not listed to strangers."""
        return "s" in self.modes or "i" in self.modes

    def modes_with_parameters(self) -> list[str]:
        """`+klnt` and the parameters of k and l, as 324 shows them to members."""
        letters, parameters = self.modes, []
        if self.password is not None:
            letters += "k"
            parameters.append(self.password)
        if self.user_limit is not None:
            letters += "l"
            parameters.append(str(self.user_limit))
        order = "".join(letter for letter in "imnstkl" if letter in letters)
        return ["+" + order, *parameters]

    def role(self, person: Person) -> int:
        """The role bits in force. Admins are operators of autojoin channels and of those that have no operator left."""
        role = self.members.get(person, 0)
        if person.account.admin and person in self.members and self.in_hands_of_admins():
            role |= OPERATOR
        return role

    def is_operator(self, person: Person) -> bool:
        return bool(self.role(person) & OPERATOR)

    def role_letters(self, person: Person) -> str:
        """`ov`: the modes that say the role."""
        role = self.role(person)
        return "".join(letter for bit, _, letter in PREFIXES if role & bit)

    def in_hands_of_admins(self) -> bool:
        """Whether admins are operators here."""
        return self.autojoin or not any(role & OPERATOR for role in self.members.values())

    def banned(self, person: Person) -> bool:
        """An operator is never banned: nobody locks himself out."""
        if not self.lists or self.is_operator(person):
            return False
        return self.listed("b", person) and not self.listed("e", person)

    def listed(self, mode: str, person: Person) -> bool:
        """Remembered until a list changes, for a person's source never does: 100 masks for 1000 members take 40 ms."""
        found = self._listed.get((mode, person))
        if found is None:
            found = matches_any((mask for kind, mask in self.lists if kind == mode), person.source)
            self._listed[mode, person] = found
        return found

    def present(self) -> Iterable[Person]:
        return (person for person in self.members if person.present)

    def audiences(self) -> Mapping[int, Audience]:
        """The sessions of everyone who may read here, one immutable tuple for each variant of the bytes."""
        if self._audiences is None:
            variants: dict[int, list[Recipient]] = {}
            for person in self.members:
                if person.sessions and not self.banned(person):
                    for session in person.sessions:
                        variants.setdefault(session.variant, []).append(session)
            self._audiences = {variant: tuple(sessions) for variant, sessions in variants.items()}
        return self._audiences

    def readers(self) -> Iterable[Recipient]:
        """All of them, one by one."""
        return chain.from_iterable(self.audiences().values())

    def names(self, multi_prefix: bool) -> list[str]:
        """The last parameters of as many 353 as it takes; made once and shared by everyone who asks."""
        lines = self._names.get(multi_prefix)
        if lines is None:
            lines = self._names[multi_prefix] = self._name_lines(multi_prefix)
        return lines

    def _name_lines(self, multi_prefix: bool) -> list[str]:
        words = self._words.get(multi_prefix)
        if words is None:
            words = {person: self._word(person, multi_prefix) for person in self.present()}
            self._words[multi_prefix] = words
        text, start = " ".join(words.values()), 0
        lines = []
        while len(text) - start > NAMES_BYTES:
            end = text.rindex(" ", start, start + NAMES_BYTES + 1)
            lines.append(text[start:end])
            start = end + 1
        return [*lines, text[start:]] if text else []

    def _word(self, person: Person, multi_prefix: bool) -> str:
        return prefix(self.role(person), multi_prefix) + person.name


def prefix(role: int, multi_prefix: bool) -> str:
    if not role:
        return ""
    marks = "".join(mark for bit, mark, _ in PREFIXES if role & bit)
    return marks if multi_prefix else marks[:1]
