"""`dlstack schedules` and `dlstack windows` as they are typed."""

from __future__ import annotations

from tests.conftest import Home

_ROWS = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from stacks import schedules, windows
from stacks.models import FreezeWindow, Machine, Schedule
from stacks.schedules import Cron
admin, local = User.objects.get(), Machine.objects.get()
made = Schedule(name="nightly", kind="build", recipe="starter", machine=local)
schedules.save(schedule=made, when=Cron("30 2 * * 1-5", "Europe/Berlin"), by=admin)
schedules.save(schedule=Schedule(name="kept", kind="backup", machine=local), when=Cron("0 * * * *", "UTC"), by=admin)
schedules.pause(schedule=Schedule.objects.get(name="kept"), by=admin)
now, hour = timezone.now(), timedelta(hours=1)
window = FreezeWindow(name="Nights", reason="sky survey", starts_at=now - hour, ends_at=now + hour)
windows.save(window=window, by=None)
"""


def test_what_there_is_is_listed(shared_home: Home) -> None:
    shared_home.dlstack("status", check=False)
    assert shared_home.dlstack("schedules").stdout == "There is no schedule yet.\n"
    assert shared_home.dlstack("windows").stdout == "There is no freeze window.\n"
    assert shared_home.json("schedules") == shared_home.json("windows") == []
    shared_home.dlstack("shell", "-c", _ROWS)
    _, kept, nightly = shared_home.dlstack("schedules").stdout.splitlines()
    assert "build starter" in nightly
    assert "at 02:30 on Monday through Friday, Europe/Berlin" in nightly
    assert "paused" in kept
    told = {one["name"]: one for one in shared_home.json("schedules")}
    assert (told["kept"]["enabled"], told["kept"]["next_at"], told["nightly"]["last"]) == (False, None, None)
    assert told["nightly"]["when"] == "30 2 * * 1-5 Europe/Berlin"
    [window] = shared_home.json("windows")
    assert (window["name"], window["machine"], window["state"]) == ("Nights", None, "open")
    assert "sky survey" in shared_home.dlstack("windows").stdout
