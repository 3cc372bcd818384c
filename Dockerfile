# One image for every part: pages, clock, workers. Each is started as `dlstack serve PART`.
FROM python:3.11-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements /opt/dlstack/requirements
WORKDIR /opt/dlstack
RUN python -m venv .venv && .venv/bin/pip install --require-hashes -r requirements/runtime.txt -r requirements/postgres.txt

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap git rsync util-linux \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/dlstack --create-home dlstack
COPY --from=packages /opt/dlstack/.venv /opt/dlstack/.venv
COPY . /opt/dlstack
WORKDIR /opt/dlstack
# The packages are there: this writes the path file and the command, as on any machine.
RUN PIP_NO_INDEX=1 requirements/install.sh runtime postgres
ENV PATH=/opt/dlstack/.venv/bin:$PATH DLSTACK_HOME=/var/lib/dlstack DLSTACK_LISTEN=0.0.0.0 PYTHONDONTWRITEBYTECODE=1
VOLUME /var/lib/dlstack
USER dlstack
EXPOSE 8000
ENTRYPOINT ["dlstack"]
CMD ["serve", "web"]
