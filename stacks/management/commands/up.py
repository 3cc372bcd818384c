"""`dlstack up`: start everything in the foreground, print the address, follow the services until Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

from django.conf import settings

from stacks.embedded import console, lifecycle
from stacks.embedded.bootstrap import sign_in_address
from stacks.embedded.supervisor import Supervisor
from stacks.engine.errors import Failed, Refused
from stacks.management.verb import DONE, FAILED, Verb


class Command(Verb):
    help = "Start DLStack for this home, print its address and a one-time sign-in link; Ctrl-C ends all of it."
    takes_machine = False

    def carry_out(self, options: dict[str, Any]) -> int:
        # Whatever asks for the end is handled like Ctrl-C: the terminal's hangup, systemd's and make's TERM.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            self._run()
        except KeyboardInterrupt:
            self._end()
        except Failed as error:
            self.stderr.write(str(error))
            return FAILED
        return DONE

    def _run(self) -> None:
        already = lifecycle.web_address()
        process = lifecycle.start(web=True, ends_with_me=True, tell=self.say)
        address = lifecycle.web_address()
        self._announce(address, already=bool(already))
        if not already:
            self._follow(process)

    def _announce(self, address: str, *, already: bool) -> None:
        try:
            link = sign_in_address(address)
        except Refused as refusal:  # the pages run all the same, for everybody else
            link = f"– {refusal}"
        if self.is_json:
            self.document({"address": address, "sign_in": link, "already": already})
            self.stdout.flush()
        self.say("")
        self.say(f"DLStack {'already runs' if already else 'runs'} at  {address}")
        self.say(f"Sign in once with      {link}")
        self.say(f"(it holds for {settings.SESAME_MAX_AGE // 60} minutes; `make run` or `dlstack up` prints another)")
        self.say("End all of it with `dlstack down`." if already else "Ctrl-C ends all of it.")
        self.say("")

    def _follow(self, process: subprocess.Popen[bytes] | None) -> None:
        """Show what the services say; end with the supervisor, also when somebody else ended that."""
        supervisor = Supervisor(settings.DLSTACK)
        # One that was started without a page is not this process's child.
        alive = supervisor.is_running if process is None else lambda: process.poll() is None
        console.follow(settings.DLSTACK.logs / "services", self.say, alive)
        if process is not None and process.returncode != 0:
            raise lifecycle.ended_badly(process.returncode)
        self.say("Stopped.")

    def _end(self) -> None:
        supervisor = Supervisor(settings.DLSTACK).process()
        try:
            lifecycle.shut_down(tell=self.say)
        except KeyboardInterrupt:
            self.say("Ending at once.")
            lifecycle.kill(supervisor)
        self.say("Stopped.")
