"""`dlstack join URL`: make this host a machine of a control plane, with a token from its page “Add a machine”."""

from __future__ import annotations

import getpass
import re
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from stacks import compatibility, program
from stacks.engine import provision
from stacks.engine.command import provisioning
from stacks.engine.errors import EngineError, Failed, Refused
from stacks.engine.provision import Action, Host, Wanted, joining
from stacks.engine.provision.units import WORKERS
from stacks.engine.stop import Stop
from stacks.management import reaching
from stacks.management.site import Site
from stacks.management.verb import DONE, FAILED, Verb

TOKEN = re.compile(r"dlj_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


class Command(Verb):
    help = "Make this host a machine of a control plane: write its environment file and its units."
    takes_machine = False
    needs_home = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", metavar="URL", help="the address of the pages; the token comes by standard input")
        parser.add_argument("--token-file", default="", metavar="FILE", help="read the token here")
        parser.add_argument("--ca", default="", metavar="FILE", help="the certificate that vouches for the pages")
        parser.add_argument("--directory", type=Path, metavar="DIR", help="write below DIR in the place of /etc")
        parser.add_argument("--again", action="store_true", help="replace the environment file of another machine")
        parser.add_argument("--start", action="store_true", help="enable and start the workers")
        parser.add_argument("--dry-run", action="store_true", help="show what would be written; the token stays unused")

    def carry_out(self, options: dict[str, Any]) -> int:
        site, host = Site(options["url"], options["ca"]), _host(options)
        token = _token(options["token_file"])
        told = site.ask(token, look=True)
        asked = _understood(told, host)
        _refuse_other_program(told)
        if options["dry_run"]:
            return self._show(asked, host, again=options["again"])
        _refuse_if_hopeless(asked, host, options)
        given = site.ask(token, look=False)
        try:
            variables = joining.check(given.get("variables"))
            self._write(joining.actions(asked, host, variables, again=options["again"]))
            return self._finish(asked, host, variables, start=options["start"])
        except (EngineError, OSError) as error:
            raise _HalfWay(asked.machine, error) from error

    def handle(self, *args: Any, **options: Any) -> None:
        """Carry it out; what fails after the token was used is told with what to do, and is status 1."""
        try:
            super().handle(*args, **options)
        except _HalfWay as failure:
            self._refuse(str(failure))
            sys.exit(FAILED)

    def _show(self, asked: Wanted, host: Host, *, again: bool) -> int:
        variables = {
            "DLSTACK_MACHINE": asked.machine, "DLSTACK_ROOT": str(asked.layout.root),
            "DLSTACK_OWNER": f"{asked.owner.uid}:{asked.owner.gid}", **dict.fromkeys(joining.SECRETS, "…"),
        }  # fmt: skip
        needed = [one for one in joining.actions(asked, host, variables, again=again) if one.needed]
        remarks = ["Nothing was written, and the token was not used.", *_remarks(asked, host)]
        (provisioning.show_document if self.is_json else provisioning.show)(needed, remarks)
        return DONE

    def _write(self, actions: list[Action]) -> None:
        for action in actions:
            if action.needed:
                action.work(lambda _: None, Stop())
                self.say(f"{action.title}: {action.why}")

    def _finish(self, asked: Wanted, host: Host, variables: dict[str, str], *, start: bool) -> int:
        problems = reaching.problems(variables["DATABASE_URL"], variables["REDIS_URL"])
        if start and host.systemctl and not problems:
            joining.start(host.systemctl, lambda _: None)
        started = bool(start and not problems)
        remarks = [*problems, *_remarks(asked, host, started=started)]
        if self.is_json:
            self.document({"machine": asked.machine, "environment": str(host.environment), "started": started,
                           "problems": problems, "remarks": remarks})  # fmt: skip
        self.say("\n".join([f"{asked.machine} has joined.", *remarks]))
        return FAILED if problems else DONE


class _HalfWay(Failed):
    """The token is used, and what it is for was not done."""

    def __init__(self, machine: str, error: Exception) -> None:
        super().__init__(f"{error} The token is used: mend this, then let {machine} join again, from its page.")


def _host(options: dict[str, Any]) -> Host:
    host = provision.this_host()
    if not options["directory"]:
        return host
    if options["start"]:
        raise Refused("With --directory nothing is started: systemd reads what lies in /etc.")
    return replace(host, etc=options["directory"].absolute(), systemctl=())


def _token(path: str) -> str:
    try:
        text = Path(path).read_text() if path else settings.DLSTACK.join_token or _typed()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"The token cannot be read: {error}") from None
    if not TOKEN.fullmatch(text.strip()):  # which is not repeated: it may be most of a good one
        raise Refused("This is no join token: it begins with dlj_ and comes by standard input, whole and alone.")
    return text.strip()


def _typed() -> str:
    return getpass.getpass("Join token: ") if sys.stdin.isatty() else sys.stdin.read(1000)


def _understood(told: dict[str, Any], host: Host) -> Wanted:
    named = {key: told.get(key) for key in ("machine", "root", "layout", "owner")}
    if not all(isinstance(value, str) for value in named.values()):
        raise Refused("The pages answer in another way than this program understands: upgrade the older of the two.")
    return joining.read({key: str(value) for key, value in named.items()}, host)


def _refuse_other_program(told: dict[str, Any]) -> None:
    if told.get("schema") != compatibility.schema():
        ours, theirs = program.version(), str(told.get("version", ""))[:60]
        raise Refused(
            f"This is DLStack {ours}, the pages are {theirs}, with another database: bring both to one version first. "
            "The token was not used."
        )


def _refuse_if_hopeless(asked: Wanted, host: Host, options: dict[str, Any]) -> None:
    """Refuse before the token is used what would fail after it."""
    if find_spec("psycopg") is None:
        raise Refused("The driver of PostgreSQL is missing: type requirements/install.sh runtime postgres.")
    if options["start"] and not host.systemctl:
        raise Refused("systemd does not run here: without --start it is said what to start.")
    joining.actions(asked, host, {}, again=options["again"])
    joining.prepare(host)


def _remarks(asked: Wanted, host: Host, *, started: bool = False) -> list[str]:
    """Say what is left to do."""
    layout = " --layout in-place" if asked.in_place else ""
    words = f"{asked.layout.root} --machine {asked.machine} --owner {asked.owner.uid}:{asked.owner.gid}{layout}"
    said = [f"Unless its root and ramdisk are made, as root: {host.python} -m stacks.engine provision {words}"]
    if host.systemctl:
        return said if started else [*said, f"Start its workers: systemctl enable --now {' '.join(WORKERS)}"]
    return [*said, f"Start its workers, with the variables in {host.environment}: dlstack serve build, and serve live"]
