"""Messages as JSON, one object a line, for scripts."""

from __future__ import annotations

import json

from securechat.client.events import Said


def written(said: Said) -> list[str]:
    """Escapes whatever could do harm on a terminal, and the ends of lines in a text."""
    words = {
        "time": said.time and said.time.isoformat(),
        "msgid": said.msgid,
        "target": said.target,
        "from": said.sender,
        "kind": said.kind.value,
        "text": said.text,
    }
    return [json.dumps(words)]
