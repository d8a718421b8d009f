# Any image with Python 3.11 or later and its venv module builds it; the second needs the same Python at the same path.
ARG BUILD_IMAGE=python:3.13-slim
ARG RUNTIME_IMAGE=${BUILD_IMAGE}

FROM ${BUILD_IMAGE} AS build
# container | all: all is with the libraries of every extra, and three times as large.
ARG REQUIREMENTS=container
WORKDIR /src
# pip has an environment of its own, so that the worker's holds nothing that is not needed to run.
RUN python3 -m venv /tools && python3 -m venv --without-pip /opt/sync-worker
COPY requirements/ requirements/
# Where the package index is, and who signs for it, may be told for the build alone: --secret id=pip,src=pip.conf
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    /tools/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && /tools/bin/pip --python /opt/sync-worker/bin/python install --no-cache-dir --no-compile --only-binary=:all: \
    --require-hashes -r requirements/${REQUIREMENTS}.txt
COPY pyproject.toml README.md ./
COPY jobs/ jobs/
COPY sync_worker/ sync_worker/
COPY procore_simulator/ procore_simulator/
RUN /tools/bin/python -m hatchling build -t wheel -d /dist \
 && /tools/bin/pip --python /opt/sync-worker/bin/python install --no-compile --no-deps --no-index /dist/*.whl
# Nothing can be compiled later, on a read-only root; a hash instead of a date makes the same files every time.
RUN /opt/sync-worker/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/sync-worker/lib
RUN mkdir -p /image/data \
 && /opt/sync-worker/bin/sync-worker init --dir /image/etc --data-dir /data --host 0.0.0.0 \
    --environment '${PROCORE_ENVIRONMENT:-production}'

FROM ${RUNTIME_IMAGE}
# The base may bring pip; nothing here installs.
RUN rm -rf /usr/local/lib/python3*/site-packages/pip*
COPY --from=build /opt/sync-worker /opt/sync-worker
COPY --from=build /image/etc/config.yaml /etc/sync-worker/config.yaml
COPY --from=build --chown=65532:65532 /image/data /data
ENV PATH=/opt/sync-worker/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    SYNC_WORKER_CONFIG=/etc/sync-worker/config.yaml
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8791
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["sync-worker", "healthcheck"]
ENTRYPOINT ["sync-worker"]
CMD ["serve"]
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="procore-sync-worker" \
      org.opencontainers.image.description="Keeps a construction company's Procore data in its own database." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
