# Bookcast's studio as an image: docker compose up --build
# Nothing is downloaded at start; books, clips and settings of the studio are in /data.
FROM python:3.11-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.11-slim
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir "$(echo /wheel/bookcast-*.whl)[feeds,zh]"
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent bookcast \
    && install -d -o bookcast -g bookcast -m 700 /data
ENV BOOKCAST_DATA=/data
# a settings file is read from /config/bookcast/bookcast.toml; every setting may be a variable instead
ENV XDG_CONFIG_HOME=/config
# reached from outside the container; the link that logs a browser in is in the log, and `bookcast up --show-link` prints it
ENV BOOKCAST_STUDIO__HOST=0.0.0.0
ENV PYTHONUNBUFFERED=1
USER bookcast
WORKDIR /data
VOLUME /data
EXPOSE 8750
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-m", "pipeline.cli.studio.ask_health"]
CMD ["bookcast", "up"]
