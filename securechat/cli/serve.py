"""`securechat serve`."""

from __future__ import annotations

import logging
from pathlib import Path

import click
from msgspec.structs import replace

from securechat import config, log
from securechat.cli.data import data_options

WEAK_ROUNDS = 10

logger = logging.getLogger(__name__)


class Endpoint(click.ParamType[config.Listen]):
    """`HOST:PORT`; an IPv6 address stands in brackets, an empty host is every interface."""

    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> config.Listen:
        if isinstance(value, config.Listen):
            return value
        host, _, port = str(value).rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if not (port.isascii() and port.isdigit() and int(port) < 65536) or (":" in host and not bracketed):
            self.fail(f"{value!r} is not HOST:PORT, like 127.0.0.1:6697, [::1]:6697 or :6697", param, ctx)
        return config.Listen(host[1:-1] if bracketed else host, int(port))


@click.command()
@data_options
@click.option("--listen", multiple=True, type=Endpoint(), help="Where to listen; may be given more than once.")
@click.option("--cert", metavar="FILE", help="The certificate, with its chain.")
@click.option("--key", metavar="FILE", help="The certificate's key.")
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False))
@click.option("--log-json", is_flag=True, help="One JSON object a line in server.log.")
def serve(
    data: Path | None,
    config_file: Path | None,
    listen: tuple[config.Listen, ...],
    cert: str | None,
    key: str | None,
    log_level: str | None,
    log_json: bool,
) -> None:
    """Serve until Ctrl-C or SIGTERM: every interface, port 6697, unless told otherwise.

    Certificates are taken from ./certs, then from the data folder; changed ones are taken over.

    \b
    Examples:
      securechat serve
      securechat serve --listen 127.0.0.1:6697 --data /srv/securechat
      securechat serve --cert fullchain.pem --key privkey.pem
    """
    from securechat.server import certificates, run
    from securechat.store.database import prepare

    settings, folder = config.find(data, config_file)
    settings = _overridden(settings, listen, cert, key, log_level, log_json)
    prepare(folder, settings.store)
    certificate, key_file = certificates.find(settings.tls, folder)
    log.configure(settings.log, folder, "server", stderr=True)  # ends by itself at exit: a bug's traceback goes there
    if settings.auth.bcrypt_rounds < WEAK_ROUNDS:
        rounds = settings.auth.bcrypt_rounds
        logger.warning("auth.bcrypt_rounds is %d; below %d passwords are cheap to guess", rounds, WEAK_ROUNDS)
    run.serve(settings, folder, certificate, key_file)


def _overridden(
    settings: config.Settings,
    listen: tuple[config.Listen, ...],
    cert: str | None,
    key: str | None,
    log_level: str | None,
    log_json: bool,
) -> config.Settings:
    """What the command line says wins over the file."""
    if listen:
        settings = replace(settings, listen=listen)
    if cert or key:
        settings = replace(settings, tls=replace(settings.tls, certificate=cert, key=key))
    if log_level:
        settings = replace(settings, log=replace(settings.log, level=log_level.upper()))
    if log_json:
        settings = replace(settings, log=replace(settings.log, json=True))
    return settings
