"""The web server's entry point."""

from __future__ import annotations

import gc
import importlib
import os
import warnings

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
# whitenoise is synchronous middleware; Django says so once per static file, and it costs nothing here.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

application = get_asgi_application()
importlib.import_module(settings.ROOT_URLCONF)  # not first when somebody waits for a page
# What is loaded stays: the collector need not go through all of it in the middle of a page.
gc.collect()
gc.freeze()
