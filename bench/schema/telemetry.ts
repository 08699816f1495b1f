/** The record of this bench, 200 bytes of telemetry, and its schema. */
export const schema = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: {
    id: { type: 'string', pattern: '^T[0-9]{4}$' },
    seq: { type: 'integer', minimum: 1 },
    ts: { type: 'string', format: 'date-time' },
    lat: { type: 'number', minimum: -90, maximum: 90 },
    lon: { type: 'number', minimum: -180, maximum: 180 },
    speed: { type: 'number', minimum: 0 },
    heading: { type: 'integer', minimum: 0, maximum: 359 },
    status: { enum: ['driving', 'loading', 'idle'] },
    sensors: { type: 'array', items: { type: 'number' }, maxItems: 16 },
  },
  required: ['id', 'seq', 'ts', 'lat', 'lon'],
  additionalProperties: false,
});

export const record = JSON.stringify({
  id: 'T0001',
  seq: 4711,
  ts: '2026-01-31T12:00:00.000Z',
  lat: 47.376887,
  lon: 8.541694,
  speed: 63.25,
  heading: 120,
  status: 'driving',
  sensors: [21.5, 22.25, 19.75, 20.5, 1013.25, 1012.75, 0.5, 98.5, 97.25, 3.5, 12.5],
});
