"""The web server's entry point."""

from __future__ import annotations

import gc
import importlib
import os
import warnings

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
# whitenoise is synchronous middleware; Django says so once per static file, and it costs nothing here.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

django.setup(set_prefix=False)
application = importlib.import_module("dlstackweb.handler").OneThread()
importlib.import_module(settings.ROOT_URLCONF)  # not first when somebody waits for a page
importlib.import_module("stacks.operations.doorbell").stay_connected()
# What is loaded stays: the collector need not go through all of it in the middle of a page.
gc.collect()
gc.freeze()
