"""One program out of several commands: each command keeps its module,
its options and its exit codes.

    Program("python -m core", "What it is.", COMMANDS).main(["stylize", "--help"])

A command's module is imported only when it is called, so that the list of commands comes at once.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

from core.commandline import STOPPED, run_command

MODEL_HELP = "a model of checkpoints/, or a checkpoint folder (default: the best shipped)"
STYLE_SIZE_HELP = "smaller side in px at which the painting is read (default: %(default)s)"
_called: ContextVar[str] = ContextVar("called", default="")


def path_of(text: str) -> Path:
    """An option's file or folder; an empty text, as an unset variable of the shell gives, is none.

    Raises:
        argparse.ArgumentTypeError: the text is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(text)


@dataclass(frozen=True)
class Command:
    """A command of a program.

    Attributes:
        target: its function as `module:function`; it takes the arguments and returns the exit code.
        summary: what it does, in a few words.
    """

    target: str
    summary: str


@dataclass(frozen=True)
class Program:
    """Commands under one name.

    Attributes:
        name: how a person calls it.
        about: what it is, one line.
        commands: by name, in the order in which they are listed.
    """

    name: str
    about: str
    commands: Mapping[str, Command]

    def help(self) -> str:
        """The list of the commands."""
        width = max(map(len, self.commands))
        rows = [f"  {name:<{width}}  {it.summary}" for name, it in self.commands.items()]
        usage = f"usage: {self.name} COMMAND [options]"
        more = f"`{self.name} COMMAND --help` lists a command's options."
        return "\n\n".join([usage, self.about, "\n".join(["commands:", *rows]), more])

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run a command; returns its exit code (without a command 0, for one that there is not 2)."""
        given = sys.argv[1:] if arguments is None else list(arguments)
        if not given or given[0] in ("-h", "--help", "help"):
            print(self.help())
            return 0
        name, rest = given[0], given[1:]
        if name not in self.commands:
            known = ", ".join(self.commands)
            print(f"error: there is no command {name!r}; there are {known}.", file=sys.stderr)
            return 2
        import core.starting  # noqa: F401  # a command's module takes seconds to import

        running = _called.set(f"{self.name} {name}")
        try:
            return int(resolve_name(self.commands[name].target)(rest) or 0)
        except ModuleNotFoundError as error:
            print(f"error: {name} needs {error.name}, which is not installed.", file=sys.stderr)
            return 1
        finally:
            _called.reset(running)


def command(
    module: str,
    doc: str | None,
    add_options: Callable[[argparse.ArgumentParser], None],
    work: Callable[[argparse.Namespace], int],
    errors: tuple[type[Exception], ...] = (),
    stopped: str = STOPPED,
    check: Callable[[argparse.ArgumentParser, argparse.Namespace], None] = lambda *_: None,
) -> Callable[..., int]:
    """A command's `main`: takes its arguments, by default the program's own; returns the exit code.

    Args:
        module, doc: as for `command_parser`.
        add_options: adds the command's own to its parser.
        work, errors, stopped: as for `core.commandline.run_command`.
        check: calls the parser's `error` for options that do not go together.
    """

    def main(arguments: Sequence[str] | None = None) -> int:
        parser = command_parser(module, doc)
        add_options(parser)
        options = parser.parse_args(arguments)
        check(parser, options)
        return run_command(lambda: work(options), errors, stopped)

    return main


def command_parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """The parser of this module's command, under the name by which it was called;
    `--help` says of it what the first paragraph of the module's docstring does.
    """
    return argparse.ArgumentParser(prog=called_as(module), description=first_paragraph(doc))


def called_as(module: str) -> str:
    """How a person called this module's command: `metastyle stylize` or `python -m core.stylize`."""
    return _called.get() or f"python -m {module}"


def first_paragraph(doc: str | None) -> str:
    """The first paragraph of a module's docstring on one line: what `--help` says of its command."""
    return " ".join((doc or "").split("\n\n")[0].split())
