# syntax=docker/dockerfile:1
# Two stages: the first installs with the Makefile's own target, the second only runs.
# Both start from the same image, so that the environment finds the same interpreter.
# Replace the tag by a digest from your own registry when you build for production.

FROM python:3.11.14-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/arv-tasking
COPY Makefile pyproject.toml README.md LICENSE NOTICE ./
COPY requirements/runtime.txt requirements/runtime.txt
COPY data data
COPY examples examples
COPY hotspots hotspots
COPY allocator allocator
COPY api api
RUN --mount=type=cache,target=/root/.cache/pip make .venv/.runtime
RUN .venv/bin/python -m compileall -q hotspots allocator api

FROM python:3.11.14-slim-bookworm AS service
LABEL org.opencontainers.image.title="arv-tasking" \
      org.opencontainers.image.description="Weekly tasking of armed response vehicles: scored places, a proven plan, a map, a briefing" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 arv \
 && useradd --uid 10001 --gid arv --no-create-home --home-dir /var/lib/arv --shell /usr/sbin/nologin arv \
 && install --directory --owner=arv --group=arv --mode=0700 /var/lib/arv
# The program belongs to root and the service cannot alter it.
COPY --from=build /opt/arv-tasking /opt/arv-tasking
ENV PATH="/opt/arv-tasking/.venv/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE="1" \
    PYTHONUNBUFFERED="1"
WORKDIR /var/lib/arv
VOLUME ["/var/lib/arv"]
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4).read()"]
# Plain HTTP inside the container: a proxy that ends TLS stands in front of it.
CMD ["arv", "serve", "--host", "0.0.0.0", "--behind-proxy", "--port", "8000", "--data", "/var/lib/arv"]
