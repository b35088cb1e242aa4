"""`scripts/gen_certs.py` as people run it: a process, its output and its exit status."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from securechat.tls import clients, contexts, pins

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gen_certs.py"


@pytest.fixture
def gen_certs(tmp_path):
    """`gen_certs(*arguments)` runs the script in an empty working directory."""

    def run(*arguments, python=(sys.executable,), script=SCRIPT):
        return subprocess.run(
            [*python, str(script), *arguments],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def clone(tmp_path):
    """A repository of its own whose `.venv` can be made to be anything."""
    script = tmp_path / "a clone" / "scripts" / "gen_certs.py"
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    return script


def give_venv(script, command):
    python = script.parents[1] / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    python.chmod(0o755)


def one_line(text):
    assert text.startswith("gen_certs.py: ")
    assert text.count("\n") == 1
    return text


BARE = (sys.executable, "-I", "-S")  # no site-packages


def test_the_first_run_makes_four_files_and_says_what_comes_next(gen_certs, tmp_path):
    done = gen_certs()
    certs = tmp_path / "certs"
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in certs.iterdir()} == {"ca.crt", "ca.key", "server.crt", "server.key"}
    assert pins.of((certs / "server.crt").read_bytes()) in done.stdout
    assert done.stdout.splitlines()[-1] == "next: securechat adduser NAME --admin, then securechat serve"
    contexts.server_context(certs / "server.crt", certs / "server.key")


def test_a_second_run_is_refused_in_one_line(gen_certs):
    gen_certs()
    done = gen_certs()
    assert (done.returncode, done.stdout) == (1, "")
    assert "python scripts/gen_certs.py renew" in one_line(done.stderr)


def test_renewing_says_the_same_pin_and_warns_of_a_new_one(gen_certs, tmp_path):
    pin = [line for line in gen_certs().stdout.splitlines() if line.startswith("pin")]
    same, other = gen_certs("renew", "--days", "85"), gen_certs("renew", "--new-key")
    assert pin[0] in same.stdout.splitlines()
    assert same.stderr == ""
    assert pin[0] not in other.stdout.splitlines()
    assert "needs the new pin" in other.stderr


def test_a_new_ca_says_whom_it_breaks(gen_certs):
    gen_certs()
    kept, replaced = gen_certs("--force", "--host", "chat.example.org"), gen_certs("--new-ca")
    assert "ca.crt" not in kept.stdout + kept.stderr
    assert "chat.example.org" in kept.stdout
    assert "everyone who connects with --ca needs the new ca.crt" in replaced.stderr


def test_another_folder_is_named_in_what_to_type(gen_certs, tmp_path):
    done = gen_certs("--dir", "my certs")
    assert "securechat serve --cert 'my certs/server.crt' --key 'my certs/server.key'" in done.stdout
    assert "renew --dir 'my certs'" in gen_certs("--dir", "my certs").stderr
    assert gen_certs("--dir", "my certs", "renew").returncode == 0
    assert gen_certs("renew", "--dir", "my certs").returncode == 0
    assert not (tmp_path / "certs").exists()


def test_a_client_gets_two_files_and_a_serial_number_to_revoke_it_by(gen_certs, tmp_path):
    gen_certs()
    done = gen_certs("client", "ada")
    folder = tmp_path / "certs" / "clients"
    serial = clients.read_file(folder / "ada.crt").serial
    assert (done.returncode, done.stderr) == (0, "")
    assert f"serial {serial}" in done.stdout.splitlines()
    assert f"securechat certs revoke {serial} --for ada" in done.stdout
    assert (folder / "ada.key").stat().st_mode & 0o777 == 0o600
    assert gen_certs("client", "ada").returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [["--host", "https://a.org"], ["--days", "0"], ["client", "../ada"], ["client", "ada"], ["renew"]],
)
def test_a_mistake_is_one_line_and_exit_status_2(gen_certs, arguments):
    done = gen_certs(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    one_line(done.stderr)


@pytest.mark.parametrize(
    "arguments", [["--days", "x"], ["renew", "x"], ["--force", "renew"], ["--host", "a", "client", "ada"]]
)
def test_a_wrong_word_is_refused_before_anything_is_written(gen_certs, tmp_path, arguments):
    done = gen_certs(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "certs").exists()


def test_help_has_examples(gen_certs):
    done = gen_certs("--help")
    assert done.returncode == 0
    assert "python scripts/gen_certs.py renew" in done.stdout


def test_where_imports_fail_the_repositorys_python_takes_over(gen_certs, clone, tmp_path):
    give_venv(clone, shlex.quote(sys.executable))
    done = gen_certs("--dir", "my certs", python=BARE, script=clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "my certs" / "server.crt").exists()


def test_without_a_repositorys_python_the_line_to_type_is_named(gen_certs, clone):
    done = gen_certs(python=BARE, script=clone)
    assert (done.returncode, done.stdout) == (2, "")
    root = clone.parents[1]
    assert one_line(done.stderr).endswith(
        f"type: python3 -m venv '{root}/.venv' && '{root}/.venv'/bin/pip install -e '{root}'\n"
    )


def test_a_repositorys_python_without_the_packages_is_tried_once(gen_certs, clone):
    give_venv(clone, shlex.join(BARE))
    done = gen_certs(python=BARE, script=clone)
    assert done.returncode == 2
    assert "pip install -e" in one_line(done.stderr)


def test_a_repositorys_python_that_cannot_run_is_named(gen_certs, clone):
    give_venv(clone, "true")
    os.chmod(clone.parents[1] / ".venv" / "bin" / "python", 0o644)
    done = gen_certs(python=BARE, script=clone)
    assert done.returncode == 2
    assert "cannot run" in done.stderr
    assert "pip install -e" in done.stderr
