/**
 * What `npm test` and its sisters print: Node's own spec report, then one line for each test that failed.
 *
 * These lines come last, because whoever opens a log of ten thousand lines looks at its end, and `.ci/run` reads from them
 * what to run once more: each begins with the file that was run, whatever file of shared cases the test itself stands in.
 */
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import { spec } from 'node:test/reporters';

/** What Node tells of a test, as far as this reads it. */
export interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    /** Where the test stands. */
    readonly file?: string;
    /** What was run; absent where the run of a file is itself the test. */
    readonly entryFile?: string;
    readonly details?: { readonly error?: { readonly failureType?: string; readonly cause?: unknown } };
    readonly todo?: boolean | string;
  };
}

const MESSAGE_CHARACTERS_MAX = 300;

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failures = new Failures();
  const noted = async function* () {
    for await (const event of events) {
      failures.note(event);
      yield event;
    }
  };
  for await (const text of Readable.from(noted()).pipe(new spec())) yield String(text);
  for (const line of failures.lines) yield `✖ failed: ${line}\n`;
}

/** The tests that failed, each as `file: suite > test: message`. A suite that failed with its tests is not told beside them. */
export class Failures {
  readonly lines: string[] = [];
  /** By file, the names from the outermost suite to the test that is told of now. */
  readonly #paths = new Map<string, string[]>();

  note({ type, data }: TestEvent): void {
    const file = data.entryFile ?? data.file;
    if (file === undefined || (type !== 'test:start' && type !== 'test:fail')) return;
    const path = [...(this.#paths.get(file) ?? []).slice(0, data.nesting ?? 0), data.name ?? ''];
    this.#paths.set(file, path);
    const error = data.details?.error;
    const isTold = type === 'test:start' || error?.failureType === 'subtestsFailed' || Boolean(data.todo);
    if (!isTold) this.lines.push(`${relative(process.cwd(), file)}: ${path.join(' > ')}: ${messageOf(error?.cause)}`);
  }
}

function messageOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String((cause as { message?: unknown })?.message ?? cause);
  return text.replace(/\s+/g, ' ').trim().slice(0, MESSAGE_CHARACTERS_MAX);
}
