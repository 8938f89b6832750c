# syntax=docker/dockerfile:1
# One image for all services of the cluster and for the demo's simulator; compose.yaml says which command each runs.

FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
ENV UV_PROJECT_ENVIRONMENT=/opt/citybrain UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /src
# what changes seldom first: the dependencies are a layer of their own
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE ./
COPY citybrain citybrain
COPY ingest ingest
COPY rules rules
COPY dispatch dispatch
COPY forecast forecast
COPY console console
COPY simulators simulators
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-editable

FROM python:3.11-slim-bookworm
# The folders are those of `citybrain secrets make`: a new volume takes over whose they are.
RUN groupadd --gid 10001 citybrain \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin citybrain \
    && install -d -o citybrain -g citybrain /run/citybrain /etc/citybrain /secrets /secrets/services /secrets/mosquitto \
       /secrets/database /secrets/grafana /secrets/prometheus
COPY --from=build /opt/citybrain /opt/citybrain
ENV PATH=/opt/citybrain/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CITYBRAIN_HTTP_HOST=0.0.0.0 CITYBRAIN_HTTP_PORT=8080 CITYBRAIN_LOG_FORMAT=json
WORKDIR /tmp
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "-m", "citybrain.probe", "/healthz"]
ENTRYPOINT ["citybrain"]
CMD ["--help"]
