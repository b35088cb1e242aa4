"""docs/operating.md says what is so: every key of the configuration with its default."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from securechat import config
from securechat.cli.main import EPILOG

TEXT = Path(__file__).parents[1].joinpath("docs", "operating.md").read_text()
TABLE = TEXT.partition("| Key | Default | Meaning |")[2].partition("\n\n")[0]
ROWS = dict(re.findall(r"^\| `([a-z_.]+)` \| ([^|]+?) \|", TABLE, re.MULTILINE))


def keys() -> dict[str, object]:
    found = {}
    for table in msgspec.structs.fields(config.Settings):
        value = getattr(config.Settings(), table.name)
        [one] = value if isinstance(value, tuple) else [value]
        for key in msgspec.structs.fields(one):
            found[f"{table.name}.{key.name}"] = getattr(one, key.name)
    return found


def test_every_key_has_a_row_and_every_row_is_a_key() -> None:
    assert ROWS.keys() == keys().keys()


@pytest.mark.parametrize(("key", "default"), keys().items())
def test_the_default_is_the_one_in_force(key: str, default: object) -> None:
    if default is None:
        assert ROWS[key] == "none"
    else:
        written = tomllib.loads("value = " + ROWS[key].strip("`"))["value"]
        assert (tuple(written) if isinstance(written, list) else written) == default


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "config.toml").write_text(example)
    assert config.load(tmp_path / "config.toml").limits.exempt == ("10.0.0.0/8",)


def test_every_exit_status_is_explained() -> None:
    for status in re.findall(r"\b\d\b", EPILOG):
        assert f"\n| {status} | " in TEXT
