# Millrace in a container: the published package on Node 24. See docker-compose.yml for how it is reached.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci && npm run build && npm pack --pack-destination /tmp

FROM node:24-bookworm-slim
COPY --from=build /tmp/millrace-*.tgz /tmp/
RUN npm install --global --omit=optional /tmp/millrace-*.tgz && rm /tmp/millrace-*.tgz \
  && mkdir /data && chown node:node /data
USER node
VOLUME /data
# SIGTERM (Docker's own choice) stops it cleanly within 10 s.
STOPSIGNAL SIGTERM
ENTRYPOINT ["millrace"]
CMD ["up", "--data", "/data"]
