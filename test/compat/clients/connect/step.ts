/**
 * One request of the walk, and what the steps share.
 */

export interface Step {
  /** Names the step; unique. */
  readonly name: string;
  /** `METHOD /path`, sent as written. */
  readonly call: string;
  /** Sent as JSON; a string goes as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked again until the answer contains all of these texts. */
  readonly until?: readonly string[];
  /** A list whose order means nothing: sorted before it is kept. */
  readonly unordered?: boolean;
}

export const json = (body: unknown): Partial<Step> => ({ body });
/** A step by its name and its call. */
export const at = (name: string, call: string, more: Partial<Step> = {}): Step => ({ name, call, ...more });

/** A good source, and a good sink. */
export const source = {
  'connector.class': 'org.apache.kafka.connect.file.FileStreamSourceConnector',
  'tasks.max': '1',
  topic: 'walk-lines',
  file: '$dir/in.txt',
};

export const sink = {
  'connector.class': 'FileStreamSink',
  'tasks.max': '1',
  topics: 'walk-lines',
  file: '$dir/out.txt',
};
