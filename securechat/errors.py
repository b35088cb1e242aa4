"""The one root of every error that securechat raises on purpose."""


class SecurechatError(Exception):
    """Something a person can act on; `str(error)` is one line that says the cause and what to do next.

    `exit_status` is what a command ends with when the error reaches its top: 1 refused, 2 usage, 3 cannot reach,
    4 trust, 5 login.
    """

    exit_status = 1
