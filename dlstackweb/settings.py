"""Django's settings, all derived from the environment (`dlstackweb.environment`)."""

from __future__ import annotations

from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue
from pydantic import ValidationError

from dlstackweb.environment import REPOSITORY, Environment

try:
    DLSTACK = Environment()
except ValidationError as error:
    raise ImproperlyConfigured(
        "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
    ) from None

LOG_SPOOL = DLSTACK.logs
SECRET_KEY = DLSTACK.secret
DEBUG = DLSTACK.debug
_PRODUCTION = DLSTACK.production
ALLOWED_HOSTS = [*DLSTACK.allowed_hosts] or ["localhost", "127.0.0.1", "[::1]", DLSTACK.listen]
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in DLSTACK.allowed_hosts if _PRODUCTION and host != "*"]

INSTALLED_APPS = [
    "access",
    "stacks",
    "kernels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "django_include_bootstrap",
    "heroicons",
]
MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",  # outermost: redirects to TLS, refused hosts and static files carry the policy too
    "django.middleware.security.SecurityMiddleware",
    "dlstackweb.compression.Compression",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dlstackweb.headers.TellBrowsers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "access.middleware.KeepOrigin",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "access.middleware.EndOldSessions",
    # A page that forgets its guard asks for a sign-in all the same.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "dlstackweb.odd.RefuseZeros",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "dlstackweb.urls"
ASGI_APPLICATION = "dlstackweb.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [REPOSITORY / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["stacks.templatetags.icons"],
        },
    }
]

# Immediate transactions: a writer waits for its turn at the start, instead of failing in the middle as "locked".
_SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;",
}


# What hangs half-open, as after the crash of a host, is noticed; a stopped process that holds a row is put out.
_POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": "-c idle_in_transaction_session_timeout=60000",
}


def database_at(url: str) -> dict[str, Any]:
    """Give Django's settings of the database at a DATABASE_URL, with the options that DLStack needs."""
    database: dict[str, Any] = dict(dj_database_url.parse(url, conn_health_checks=True))
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {**database.get("OPTIONS", {}), **_SQLITE_OPTIONS}
    elif database["ENGINE"].endswith("postgresql"):
        database["OPTIONS"] = {**_POSTGRES_OPTIONS, **database.get("OPTIONS", {})}
    return database


def _own_database() -> dict[str, Any]:
    name = DLSTACK.home / "dlstack.sqlite3"
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": _SQLITE_OPTIONS}


DATABASES = {"default": database_at(DLSTACK.database_url) if DLSTACK.database_url else _own_database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people ----------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "sesame.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
SESAME_ONE_TIME = True
SESAME_MAX_AGE = 30 * 60
SESSION_ENGINE = "access.sessions"
SESSION_COOKIE_AGE = DLSTACK.session_hours * 3600

# --- what a browser is told ------------------------------------------------------------------------------------------
# Cookies do not tell ports apart: without the port in the name, two instances on one host would sign each other out.
# With the prefix a browser takes them over HTTPS from this very host only, not from one beside it.
_COOKIE_NAME = "__Host-dlstack_{}" if _PRODUCTION else f"dlstack_{{}}_{DLSTACK.port}"
SESSION_COOKIE_NAME = _COOKIE_NAME.format("session")
CSRF_COOKIE_NAME = _COOKIE_NAME.format("csrf")
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _PRODUCTION
SECURE_SSL_REDIRECT = _PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _PRODUCTION else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- static files ----------------------------------------------------------------------------------------------------
# In production `collectstatic` prepares hashed names; elsewhere whitenoise serves the sources as they are.
STATIC_URL = "static/"
STATIC_ROOT = DLSTACK.home / "static" if _PRODUCTION else None
STATICFILES_DIRS = [REPOSITORY / "static"]
WHITENOISE_USE_FINDERS = not _PRODUCTION
_STATIC_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": _STATIC_STORAGE if _PRODUCTION else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- language and time -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- logging: the services' own words, to stderr, which the supervisor or systemd keeps ----------------------------
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # One line per task would bury the rest: the sweeper alone sends two every ten seconds.
    "loggers": {name: {"level": "WARNING"} for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat")}
    | {"dlstack.audit": {"handlers": ["syslog"] if DLSTACK.syslog else [], "level": "INFO", "propagate": False}},
}
if DLSTACK.syslog:
    _host, _, _port = DLSTACK.syslog.rpartition(":")
    LOGGING["handlers"]["syslog"] = {
        "class": "logging.handlers.SysLogHandler",
        "address": DLSTACK.syslog if DLSTACK.syslog.startswith("/") else (_host, int(_port)),
        "facility": "authpriv",
        "formatter": "audit",
    }
    LOGGING["formatters"]["audit"] = {"format": "dlstack-audit: %(message)s"}

# --- Celery: the database is the queue of record, the broker a doorbell (invariant 10) -------------------------------
CELERY_BROKER_URL = DLSTACK.broker_url
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 86400,  # above any operation, or Redis would hand the doorbell out a second time
    "global_keyprefix": "dlstack:",
    "health_check_interval": 30,
    "socket_keepalive": True,
}
CELERY_VISIBILITY_TIMEOUT = 86400
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# With its own exchange each: by default they would share one, and each lane would hear the other's doorbell.
CELERY_TASK_QUEUES = tuple(
    Queue(name, Exchange(name, type="direct"), routing_key=name)
    for name in (f"{DLSTACK.machine}.build", f"{DLSTACK.machine}.live")
)
CELERY_TASK_DEFAULT_QUEUE = f"{DLSTACK.machine}.live"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_BEAT_SCHEDULER = "stacks.clock:Clock"  # which needs neither a worker nor the broker
CELERY_BEAT_SCHEDULE_FILENAME = str(DLSTACK.run / "beat")
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"stacks.tasks.{name}", "schedule": seconds, "options": {"expires": seconds - 1}}
    for name, seconds in (("sweep", 10.0), ("reap", 10.0), ("back_up", 60.0))
} | {
    "kernels": {"task": "kernels.tasks.check", "schedule": 24 * 3600.0, "options": {"expires": 3600.0}},
    "tidy": {"task": "access.tasks.tidy", "schedule": 3600.0, "options": {"expires": 3000.0}},
}
