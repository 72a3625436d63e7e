"""The end of a verb that was interrupted: a message, and the exit code of an interruption."""

from crowdeval.errors import CrowdevalError


class Interrupted(CrowdevalError):
    """What was stopped, and how to go on."""

    exit_code = 130
