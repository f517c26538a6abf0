"""What a sequence is made of: writes of every kind and what happens between them, chosen without knowing the portal.

Numbers called `pick` choose among what there is when the step comes.
"""

from dataclasses import dataclass

from agreement.kinds import Kind
from agreement.troubles import QUIET, Circumstances


@dataclass(frozen=True, slots=True)
class Create:
    """New records of a kind, each with some of its fragments."""

    kind: Kind
    number: int
    fragments: tuple[int, ...]
    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class Update:
    """Some records of a kind get some fragments each, not all of them the same."""

    kind: Kind
    picks: tuple[int, ...]
    fragments: tuple[int, ...]
    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class Delete:
    """Some records of a kind are deleted."""

    kind: Kind
    picks: tuple[int, ...]
    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a record."""

    kind: Kind
    pick: int
    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class Start:
    """A workflow starts on a record."""

    kind: Kind
    pick: int
    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class Terminate:
    """A workflow that runs is ended."""

    pick: int
    forced: bool
    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class Undo:
    """An earlier operation is reversed, or some of its records; `moved`: somebody has changed one of them before."""

    pick: int
    partly: bool = False
    moved: bool = False
    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class Repeat:
    """The caller asks for the same as in the last write once more."""

    around: Circumstances = QUIET


@dataclass(frozen=True, slots=True)
class LookUp:
    """The caller lists the operations, which looks up what is open."""


@dataclass(frozen=True, slots=True)
class Passes:
    """Minutes go by."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Restart:
    """The server ends, and another one begins with its journal."""


Workflow = Start | Terminate
Write = Create | Update | Delete | Comment | Workflow | Undo | Repeat
Step = Write | LookUp | Passes | Restart
