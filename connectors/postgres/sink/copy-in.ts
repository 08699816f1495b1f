/**
 * `COPY … FROM STDIN` over a pipelined client of pg, which has none of its own: the rows follow the statement at once, while
 * the server still reads it. Where it refuses the statement it passes over them (manual, 54.2.6, "COPY Operations").
 */
import type { Client, Connection, Query } from 'pg';

/** What each piece of rows leaves free in front: a message's type and length. */
export const COPY_HEADER_BYTES = 5;

const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

export interface CopyIn {
  /** Settles with the server's answer, after {@link end}. */
  readonly done: Promise<unknown>;
  /** Rows behind {@link COPY_HEADER_BYTES} of room. The bytes belong to the connection from now on. */
  write(rows: Buffer): void;
  end(): void;
}

/** Begins to copy; nothing else may be sent before its end. */
export function beginCopy(client: Client, sql: string): CopyIn {
  // pg is loaded by the first client, not by whoever imports this.
  const { Query: PgQuery } = client.constructor as unknown as { Query: typeof Query };
  let connection: Connection | null = null;
  const query = Object.assign(new PgQuery(sql), {
    submit(given: Connection) {
      connection = given;
      given.query(sql);
      return null;
    },
    /** The rows are on their way already. */
    handleCopyInResponse() {},
  });
  const done = new Promise<unknown>((resolve, reject) => {
    const callback = (error: Error | null, result: unknown) => (error === null ? resolve(result) : reject(error));
    Object.assign(query, { callback });
    client.query(query);
  });
  return {
    done,
    write(rows) {
      rows[0] = COPY_DATA;
      rows.writeInt32BE(rows.length - 1, 1);
      if (connection?.stream.writable) connection.stream.write(rows);
    },
    end() {
      if (connection?.stream.writable) connection.stream.write(COPY_DONE);
    },
  };
}
