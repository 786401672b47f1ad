ARG BASE_IMAGE=python:3.13-slim-trixie

FROM ${BASE_IMAGE} AS build
# Debian's patch releases are wanted, so no version is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils
WORKDIR /app
COPY requirements.lock scripts/slim.py ./
# The installer is left out of the final image, here and below: nothing is installed at run time.
# All Python is compiled, for the service's user can write none of it; what slim.py removes is not.
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv install --no-cache-dir --no-compile --no-deps \
    --require-hashes -r requirements.lock \
 && /opt/venv/bin/python slim.py \
 && /opt/venv/bin/python -c 'import compileall; compileall.compile_dir("/opt/venv/lib", quiet=1, workers=0)' \
 && rm requirements.lock slim.py
COPY . .
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode checked-hash . \
 && rm -r requirements.lock scripts \
 && ln -s /app/bin/ilios /opt/venv/bin/ilios

FROM ${BASE_IMAGE}
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/bin/pip* \
 && python3 -c 'import compileall, os; compileall.compile_dir(os.path.dirname(os.__file__), quiet=1, workers=0)' \
 && groupadd --gid 10001 ilios \
 && useradd --uid 10001 --gid ilios --home-dir /data --no-create-home --shell /usr/sbin/nologin ilios \
 && install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV DATA_DIR=/data \
    PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
EXPOSE 1337
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "ilios.probe"]
# Starts as root so that start.sh can give a volume that was mounted as root's to UID 10001, and
# drops to it; `--user` with any other id works as well.
ENTRYPOINT ["tini", "--"]
CMD ["/app/start.sh"]
