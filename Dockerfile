FROM python:3.13-slim AS build
WORKDIR /build
COPY . .
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels eventcli \
    && rm -r /wheels \
    && useradd --system --no-create-home eventstats
USER eventstats
ENTRYPOINT ["eventstats"]
