# The wheel is built with a Rust toolchain, for the fast body of the fold; neither is in the image that runs.
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
COPY --from=rust:1-slim /usr/local/rustup /usr/local/rustup
COPY --from=rust:1-slim /usr/local/cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
WORKDIR /build
COPY . .
RUN EVENTSTATS_REQUIRE_RUST=1 pip wheel --no-cache-dir --wheel-dir /wheels ".[kafka,queue,serve]"

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels "eventcli[kafka,queue,serve]" \
    && rm -r /wheels \
    && useradd --system --no-create-home eventstats \
    && install --directory --owner eventstats /ledger \
    && EVENTSTATS_KERNEL=rust eventstats --version
USER eventstats
ENTRYPOINT ["eventstats"]
