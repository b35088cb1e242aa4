"""Settings: defaults without a file, and a mistake in the file is named by its path."""

from pathlib import Path

import msgspec
import pytest

from securechat import config
from securechat.config import ConfigError, Settings


def load(folder: Path, text: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


def test_no_file_is_needed(tmp_path: Path):
    settings, folder = config.find(tmp_path, None)
    assert folder == tmp_path
    assert settings == Settings()
    assert [(listen.address, listen.port) for listen in settings.listen] == [("", 6697)]
    assert settings.tls.min_version == "1.3"
    assert settings.auth.bcrypt_rounds == 12
    assert settings.store.durability == "full"
    assert settings.channels.autojoin == ("#lobby",)


def test_what_a_file_does_not_say_keeps_its_default(tmp_path: Path):
    settings = load(tmp_path, '[server]\nname = "chat.example"\n[store]\ntimeout = 1\n')
    assert settings.server.name == "chat.example"
    assert settings.server.network == "securechat"
    assert settings.store.timeout == 1.0
    assert settings.limits == Settings().limits


def test_an_empty_file_is_all_defaults(tmp_path: Path):
    assert load(tmp_path, "") == Settings()


def test_every_listener_of_the_file_counts(tmp_path: Path):
    settings = load(tmp_path, '[[listen]]\naddress = "127.0.0.1"\nport = 0\n[[listen]]\naddress = "::1"\n')
    assert [(listen.address, listen.port) for listen in settings.listen] == [("127.0.0.1", 0), ("::1", 6697)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[limits]\noutboks = 1\n", "`outboks`"),
        ("[limits]\noutboks = 1\n", "`$.limits`"),
        ("[loging]\n", "`loging`"),
        ("[[listen]]\n[[listen]]\nprot = 1\n", "`$.listen[1]`"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path(tmp_path: Path, text: str, place: str):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert place in str(refused.value)
    assert str(tmp_path / "config.toml") in str(refused.value)
    assert refused.value.exit_status == 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[limits]\noutbox = "big"\n', "`$.limits.outbox`"),
        ("[limits]\noutbox = 0\n", "`$.limits.outbox`"),
        ("[limits]\nping_interval = -1\n", "`$.limits.ping_interval`"),
        ("[[listen]]\nport = 65536\n", "`$.listen[0].port`"),
        ("[auth]\nbcrypt_rounds = 17\n", "`$.auth.bcrypt_rounds`"),
        ("[auth]\nrefuse_common_passwords = 1\n", "`$.auth.refuse_common_passwords`"),
        ('[tls]\nmin_version = "1.1"\n', "`$.tls.min_version`"),
        ('[store]\ndurability = "off"\n', "`$.store.durability`"),
        ('[log]\nlevel = "LOUD"\n', "`$.log.level`"),
        ('[channels]\nautojoin = "#lobby"\n', "`$.channels.autojoin`"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_path(tmp_path: Path, text: str, place: str):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert place in str(refused.value)
    assert "\n" not in str(refused.value)


def test_exempt_networks_must_be_networks(tmp_path: Path):
    assert load(tmp_path, '[limits]\nexempt = ["10.0.0.0/8", "::1"]\n').limits.exempt == ("10.0.0.0/8", "::1")
    with pytest.raises(ConfigError, match=r"10\.0\.0\.256"):
        load(tmp_path, '[limits]\nexempt = ["10.0.0.256/8"]\n')


def test_no_more_networks_are_exempt_than_are_looked_through_at_every_connection(tmp_path: Path):
    one = '"::1", '
    assert len(load(tmp_path, f"[limits]\nexempt = [{32 * one}]\n").limits.exempt) == 32
    with pytest.raises(ConfigError, match=r"length <= 32 - at `\$\.limits\.exempt`"):
        load(tmp_path, f"[limits]\nexempt = [{33 * one}]\n")


def test_what_is_not_toml_is_refused_with_its_place(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"config\.toml: .*line 2"):
        load(tmp_path, "[log]\nlevel = \n")


@pytest.mark.parametrize(("text", "words"), [(f"a = {'[' * 3000}", "recursion depth"), ('"a\\nb" = 1', "`a b`")])
def test_a_mistake_is_one_line_whatever_is_written(tmp_path: Path, text: str, words: str):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "two words", "x" * 64, "é", "a:b"])
@pytest.mark.parametrize("key", ["name", "network"])
def test_a_name_that_cannot_stand_in_a_line_is_refused(tmp_path: Path, key: str, name: str):
    with pytest.raises(ConfigError, match=rf"\$\.server\.{key}"):
        load(tmp_path, f'[server]\n{key} = "{name}"\n')


def test_what_is_not_utf_8_is_refused(tmp_path: Path):
    (tmp_path / "config.toml").write_bytes(b'[server]\nmotd = "\xff"\n')
    with pytest.raises(ConfigError, match="utf-8"):
        config.load(tmp_path / "config.toml")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"cannot read the configuration '.*absent\.toml': No such file"):
        config.find(None, tmp_path / "absent.toml")


def test_the_data_folder_may_hold_the_configuration(tmp_path: Path):
    load(tmp_path, '[server]\nname = "chat.example"\n')
    settings, folder = config.find(tmp_path, None)
    assert (settings.server.name, folder) == ("chat.example", tmp_path)


def test_the_folder_of_the_command_line_wins_over_the_one_of_the_file(tmp_path: Path):
    path = tmp_path / "config.toml"
    load(tmp_path, f'[server]\ndata = "{tmp_path}/there"\n')
    assert config.find(None, path)[1] == tmp_path / "there"
    assert config.find(tmp_path / "here", path)[1] == tmp_path / "here"


def test_settings_cannot_be_changed_after_start():
    with pytest.raises(AttributeError):
        Settings().log.level = "DEBUG"  # type: ignore[misc]
    assert msgspec.structs.replace(Settings().log, level="DEBUG").level == "DEBUG"
