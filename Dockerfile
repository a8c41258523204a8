# syntax=docker/dockerfile:1
# docker build --tag vedette .
# docker run --read-only --tmpfs /tmp --volume ./config:/etc/vedette:ro \
#     --volume vedette:/var/lib/vedette vedette

ARG BASE=python:3.11-slim-bookworm

# Everything goes into one folder, in the versions that the tests ran with.
FROM ${BASE} AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY tests/requirements.lock tests/requirements.lock
COPY checks checks
COPY exporters exporters
COPY agent agent
COPY src src
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/vedette \
    && python -m pip --python /opt/vedette/bin/python --disable-pip-version-check install \
        --constraint tests/requirements.lock '.[quic,uvloop]'

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vedette" \
    org.opencontainers.image.description="An out-of-band synthetic monitoring agent for DNS, HTTP and BGP origins" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/vedette /opt/vedette
RUN install --directory --owner=65532 --group=65532 --mode=0750 /var/lib/vedette
ENV PATH=/opt/vedette/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    VEDETTE_HEALTH=http://127.0.0.1:9469/-/healthy
USER 65532:65532
WORKDIR /var/lib/vedette
EXPOSE 9469
# Asks whether it lives, not whether its certificate is trusted here, nor whether a proxy answers:
# docker gives each container the variables of one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s \
    CMD ["python", "-c", "import os, ssl, urllib.request as ask; ask.build_opener(ask.ProxyHandler({}), ask.HTTPSHandler(context=ssl._create_unverified_context())).open(os.environ['VEDETTE_HEALTH'], timeout=4)"]
ENTRYPOINT ["vedette"]
CMD ["run", "--config", "/etc/vedette/vedette.yaml"]
