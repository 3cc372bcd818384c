"""Settings of the tests: the usual ones, in a home of their own."""

import atexit
import os
import shutil
import tempfile

for _name in ("DLSTACK_ROOT", "DATABASE_URL", "REDIS_URL", "PORT", "DLSTACK_OWNER", "DLSTACK_MACHINE", "DLSTACK_DEBUG"):
    os.environ.pop(_name, None)
os.environ["DLSTACK_HOME"] = tempfile.mkdtemp(prefix="dlstack-tests-")
atexit.register(shutil.rmtree, os.environ["DLSTACK_HOME"], ignore_errors=True)

from dlstackweb.settings import *  # noqa: E402, F403
from dlstackweb.settings import DATABASES, DLSTACK, database_at  # noqa: E402

if _url := os.environ.get("DLSTACK_TEST_DATABASE_URL"):  # of tests.production
    DATABASES["default"] = database_at(_url)
    # Workers of a module live on while a test's tables are emptied: where both wait for each other, theirs is the try
    # that ends, as it is tried again.
    DATABASES["default"]["OPTIONS"]["options"] += " -c deadlock_timeout=30s"
else:
    # A file instead of memory: threads and WAL then behave as they do in earnest.
    DATABASES["default"]["TEST"] = {"NAME": DLSTACK.home / "test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
