/**
 * What `slot.stream.params` asks of the plugin. Debezium hands its pairs through to pgoutput; here only those mean something that
 * leave records as they are, or leave some out.
 */

export interface StreamParams {
  /** What of other origins is wanted, where that is said. */
  readonly origin: string | null;
  /** Whether large transactions are sent while they run. */
  readonly isStreaming: boolean;
  /** Why it cannot be, or null. */
  readonly problem: string | null;
}

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  origin: ['none', 'any'],
  proto_version: ['1', '2'],
  streaming: ['on', 'off'],
};

/** `name=value;name=value`, or null for the defaults. */
export function streamParams(text: string | null): StreamParams {
  const params: Record<string, string> = {};
  for (const pair of (text ?? '').split(';').filter((it) => it.trim() !== '')) {
    const [name = '', value = ''] = pair.split('=').map((it) => it.trim());
    if (ALLOWED[name]?.includes(value) !== true) return refused(REFUSAL);
    params[name] = value;
  }
  const { origin = null, proto_version, streaming } = params;
  if (proto_version === '1' && streaming === 'on')
    return refused('asks for streaming=on, which proto_version=1 does not have');
  return { origin, isStreaming: streaming !== 'off' && proto_version !== '1', problem: null };
}

const REFUSAL =
  'may only hold origin=none or any, streaming=on or off, and proto_version=1 or 2, separated by semicolons; every other parameter of pgoutput is set by this connector';

function refused(problem: string): StreamParams {
  return { origin: null, isStreaming: false, problem };
}
