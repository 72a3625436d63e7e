"""The error of a training that was interrupted."""

from crowdeval.errors import CrowdevalError


class Interrupted(CrowdevalError):
    """A training was interrupted; the message has the command that resumes it."""

    exit_code = 130
