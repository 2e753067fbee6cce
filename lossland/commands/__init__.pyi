"""For other wings."""

from ._commands import COMMANDS as COMMANDS
from ._run import settings as settings
from ._usage import UsageError as UsageError
from ._usage import chosen as chosen
from ._usage import parsed as parsed
