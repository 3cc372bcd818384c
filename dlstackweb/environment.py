"""What DLStack takes from the environment, checked and typed; read by the settings and by nothing else."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, quote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from pydantic import ByteSize, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stacks.engine import sources
from stacks.engine.errors import Refused
from stacks.engine.limits import Limits, usual_memory
from stacks.engine.remote import Wire
from stacks.engine.terms import Terms

REPOSITORY = Path(__file__).resolve().parent.parent
# A unix socket's path holds 107 bytes; supervisord first binds a name that is longer by its process id.
LONGEST_SOCKET_DIRECTORY = 107 - len("/supervisor.sock.4194304")


class Environment(BaseSettings):
    """Every environment variable of DLStack, by its attribute's name with `DLSTACK_` before it."""

    model_config = SettingsConfigDict(env_prefix="DLSTACK_", frozen=True, extra="ignore")

    home: Path = REPOSITORY / "var"
    root: Path = Path()
    port: int = Field(default=8000, ge=1, le=65535, validation_alias="PORT")
    listen: str = "127.0.0.1"
    machine: str = Field(default="local", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    owner: str = ""
    reserve: ByteSize = ByteSize(64 * 1024 * 1024)
    database_url: str = Field(default="", validation_alias="DATABASE_URL", repr=False)
    external_redis_url: str = Field(default="", validation_alias="REDIS_URL", repr=False)
    machines_database_url: str = Field(default="", repr=False)
    machines_redis_url: str = Field(default="", repr=False)
    join_token: str = Field(default="", repr=False)
    secret_key: str = Field(default="", repr=False)
    debug: bool = False
    production: bool = False
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    proxies: int | None = Field(default=None, ge=0, le=9)
    session_hours: int = Field(default=168, ge=1, le=24 * 366)
    session_idle_hours: int = Field(default=12, ge=1, le=24 * 366)
    syslog: str = Field(default="", pattern=r"^(|/.+|[A-Za-z0-9.-]+:\d{1,5})$")
    allowed_sources: str | None = None
    secrets: Path | None = None
    ssh_key: Path | None = None
    ssh_known_hosts: Path | None = None
    build_memory: ByteSize | None = None
    build_tasks: int = Field(default=4096, ge=64)
    build_minutes: float = Field(default=720, gt=0, le=1380)
    build_silence_minutes: float = Field(default=30, gt=0)
    build_network: Literal["gate", "shared"] = "gate"
    log_limit: ByteSize = ByteSize(256 * 1024**2)
    grace: float = Field(default=0, ge=0, le=86400)

    @field_validator("allowed_sources")
    @classmethod
    def _understand(cls, value: str | None) -> str | None:
        try:
            sources.read(value or "")
        except Refused as refusal:
            raise ValueError(str(refusal)) from None
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="before")
    @classmethod
    def _place(cls, data: dict[str, object]) -> dict[str, object]:
        # abspath and not resolve: a home or root reached through a link keeps the name its owner gave it.
        home = os.path.abspath(str(data.get("home") or REPOSITORY / "var"))
        root = os.path.abspath(str(data.get("root") or Path(home, "data0")))
        return {**data, "home": home, "root": root}

    @property
    def told(self) -> dict[str, str]:
        """The variables that are set and are no secret, by their names, as they were given."""
        fields = type(self).model_fields.items()
        names = (str(field.validation_alias or f"DLSTACK_{name.upper()}") for name, field in fields if field.repr)
        return {name: os.environ[name] for name in sorted(names) if name in os.environ}

    @property
    def run(self) -> Path:
        """The directory of what lives only while DLStack runs (made 0700 by `stacks.embedded`)."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """Where operations are spooled and the services' logs lie."""
        return self.home / "logs"

    @property
    def own_proxies(self) -> int:
        """How many proxies of ours a request comes through: as said, or the one that production has TLS from."""
        return int(self.production) if self.proxies is None else self.proxies

    @property
    def is_embedded(self) -> bool:
        """Tell whether database and broker are this home's own, so that verbs may start the services themselves."""
        return not (self.database_url or self.external_redis_url)

    @cached_property
    def terms(self) -> Terms:
        """What builds on this machine may take, reach and be given."""
        limits = Limits(
            memory=self.build_memory or usual_memory(),
            tasks=self.build_tasks,
            seconds=60 * self.build_minutes,
            silence=60 * self.build_silence_minutes,
        )
        return Terms(limits, self._sources, self._secrets, self.build_network == "shared")

    @property
    def wire(self) -> Wire:
        """How this machine asks others for versions."""
        place = self.home / "ssh"
        return Wire(self.ssh_key or place / "id_ed25519", self.ssh_known_hosts or place / "known_hosts")

    @property
    def _sources(self) -> sources.Sources:
        if self.allowed_sources is None and self.is_embedded:
            found = sources.Sources(directories=(Path("/"),))  # a person's own machine, and their own directories
        else:
            found = sources.read(self.allowed_sources or "")
        return replace(found, home=self.home, root=self.root)

    @property
    def _secrets(self) -> Path:
        given = os.environ.get("CREDENTIALS_DIRECTORY")  # systemd's LoadCredential
        return self.secrets or (Path(given) if given else self.home / "secrets")

    @property
    def database_of_machines(self) -> str:
        """The address of the database as machines that join are told it: as said, or our own."""
        return self.machines_database_url or self.database_url

    @property
    def broker_of_machines(self) -> str:
        """The address of Redis or Valkey as machines that join are told it: as said, or our own."""
        return self.machines_redis_url or self.external_redis_url

    @cached_property
    def secret(self) -> str:
        """The secret key, from the environment or from a file in the home that is made once."""
        return self.secret_key or _stored_secret(self.home / "secret_key")

    def derived_secret(self, purpose: str) -> str:
        """Make a password for one purpose from the secret key, the same in each process."""
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def sockets(self) -> Path:
        """The directory of the unix sockets: `run`, or a short one when the home lies too deep for a socket's path."""
        if len(os.fsencode(self.run)) <= LONGEST_SOCKET_DIRECTORY:
            return self.run
        # The name cannot be guessed without the secret key, so nobody can put a directory there first.
        return Path("/tmp") / f"dlstack-{self.derived_secret(f'sockets {self.home}')[:24]}"  # noqa: S108 — its name cannot be guessed

    @property
    def valkey_socket(self) -> Path:
        """Where the embedded Valkey listens."""
        return self.sockets / "valkey.sock"

    @property
    def redis_url(self) -> str:
        """The address of Redis or Valkey as redis-py takes it."""
        if self.external_redis_url:
            return self.external_redis_url
        return f"unix://:{self.derived_secret('valkey')}@{quote(str(self.valkey_socket))}"

    @property
    def broker_url(self) -> str:
        """The same address as Celery takes it."""
        url = self.redis_url.replace("unix://", "redis+socket://", 1)
        # Celery would take any certificate where the address does not say that it is looked at.
        if url.startswith("rediss://") and "ssl_cert_reqs" not in parse_qs(urlsplit(url).query):
            url += f"{'&' if urlsplit(url).query else '?'}ssl_cert_reqs=required"
        return url


def _stored_secret(path: Path) -> str:
    for _ in range(2):
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            _write_once(path, secrets.token_urlsafe(48))
        except OSError as error:
            raise ImproperlyConfigured(f"Cannot read {path}: {error.strerror}. Run as the user who made it.") from None
    raise ImproperlyConfigured(f"Cannot make {path}.")


def _write_once(path: Path, text: str) -> None:
    """Write a 0600 file that appears whole; of two writers at once, the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
