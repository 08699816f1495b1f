/**
 * The Connect schemas of Debezium's event: one object each, shared by every record of a table.
 */
import { type Field, type Schema, struct } from '../../../api/index.ts';

const optional = (type: Schema['type']): Schema => ({ type, optional: true });

const source: Schema = {
  ...struct('io.debezium.connector.postgresql.Source', [
    { name: 'version', schema: { type: 'string' } },
    { name: 'connector', schema: { type: 'string' } },
    { name: 'name', schema: { type: 'string' } },
    { name: 'ts_ms', schema: { type: 'int64' } },
    {
      name: 'snapshot',
      schema: {
        type: 'string',
        optional: true,
        name: 'io.debezium.data.Enum',
        version: 1,
        parameters: { allowed: 'true,first,first_in_data_collection,last_in_data_collection,last,false,incremental' },
        defaultValue: 'false',
      },
    },
    { name: 'db', schema: { type: 'string' } },
    { name: 'sequence', schema: optional('string') },
    { name: 'ts_us', schema: optional('int64') },
    { name: 'ts_ns', schema: optional('int64') },
    { name: 'schema', schema: { type: 'string' } },
    { name: 'table', schema: { type: 'string' } },
    { name: 'txId', schema: optional('int64') },
    { name: 'lsn', schema: optional('int64') },
    { name: 'xmin', schema: optional('int64') },
    { name: 'origin', schema: optional('string') },
    { name: 'origin_lsn', schema: optional('int64') },
  ]),
  version: 1,
};

const transaction: Schema = {
  ...struct(
    'event.block',
    [
      { name: 'id', schema: { type: 'string' } },
      { name: 'total_order', schema: { type: 'int64' } },
      { name: 'data_collection_order', schema: { type: 'int64' } },
    ],
    true,
  ),
  version: 1,
};

/** The schema of a table's events; `fullName` is `prefix.schema.table`. */
export function envelopeSchema(fullName: string, columns: readonly Field[]): Schema {
  const row = struct(`${fullName}.Value`, columns, true);
  const fields: Field[] = [
    { name: 'before', schema: row },
    { name: 'after', schema: row },
    { name: 'source', schema: source },
    { name: 'transaction', schema: transaction },
    { name: 'op', schema: { type: 'string' } },
    { name: 'ts_ms', schema: optional('int64') },
    { name: 'ts_us', schema: optional('int64') },
    { name: 'ts_ns', schema: optional('int64') },
  ];
  return { ...struct(`${fullName}.Envelope`, fields), version: 2 };
}

/** The schema of a table's keys. */
export function keySchema(fullName: string, columns: readonly Field[]): Schema {
  return struct(`${fullName}.Key`, columns);
}

/** Logical decoding messages: the key is the prefix. */
export const messageKeySchema: Schema = {
  ...struct('io.debezium.connector.postgresql.MessageKey', [{ name: 'prefix', schema: optional('string') }]),
  version: 1,
};

/** `isText`: whether `binary.handling.mode` makes text of the content. */
export function messageValueSchema(isText: boolean): Schema {
  const message: Schema = {
    ...struct('io.debezium.connector.postgresql.Message', [
      { name: 'prefix', schema: optional('string') },
      { name: 'content', schema: optional(isText ? 'string' : 'bytes') },
    ]),
    version: 1,
  };
  return {
    ...struct('io.debezium.connector.postgresql.MessageValue', [
      { name: 'op', schema: { type: 'string' } },
      { name: 'ts_ms', schema: optional('int64') },
      { name: 'source', schema: source },
      { name: 'transaction', schema: transaction },
      { name: 'message', schema: message },
    ]),
    version: 1,
  };
}

/** Where a transaction begins and ends (`provide.transaction.metadata`). */
export const transactionKeySchema: Schema = {
  ...struct('io.debezium.connector.common.TransactionMetadataKey', [{ name: 'id', schema: { type: 'string' } }]),
  version: 1,
};

const collection: Schema = {
  ...struct(
    'event.collection',
    [
      { name: 'data_collection', schema: { type: 'string' } },
      { name: 'event_count', schema: { type: 'int64' } },
    ],
    true,
  ),
  version: 1,
};

export const transactionValueSchema: Schema = {
  ...struct('io.debezium.connector.common.TransactionMetadataValue', [
    { name: 'status', schema: { type: 'string' } },
    { name: 'id', schema: { type: 'string' } },
    { name: 'event_count', schema: optional('int64') },
    { name: 'data_collections', schema: { type: 'array', optional: true, valueSchema: collection } },
    { name: 'ts_ms', schema: { type: 'int64' } },
  ]),
  version: 1,
};

/** Notifications of snapshots and signals. */
export const notificationKeySchema: Schema = {
  ...struct('io.debezium.connector.common.NotificationKey', [{ name: 'id', schema: { type: 'string' } }]),
  version: 1,
};

export const notificationValueSchema: Schema = {
  ...struct('io.debezium.connector.common.Notification', [
    { name: 'id', schema: { type: 'string' } },
    { name: 'type', schema: { type: 'string' } },
    { name: 'aggregate_type', schema: { type: 'string' } },
    {
      name: 'additional_data',
      schema: { type: 'map', optional: true, keySchema: { type: 'string' }, valueSchema: { type: 'string' } },
    },
    { name: 'timestamp', schema: { type: 'int64' } },
  ]),
  version: 1,
};

/** Heartbeats: the key says whose, the value when. */
export const heartbeatKeySchema: Schema = struct('io.debezium.connector.common.ServerNameKey', [
  { name: 'serverName', schema: { type: 'string' } },
]);

export const heartbeatValueSchema: Schema = struct('io.debezium.connector.common.Heartbeat', [
  { name: 'ts_ms', schema: { type: 'int64' } },
]);
