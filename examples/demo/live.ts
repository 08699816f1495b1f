/** The live lines: one per flow, rewritten in place on a terminal, printed now and then where output is a file. */
import type { FlowState } from './overview.ts';

const REWRITE_INTERVAL_MS = 1_000;
/** A log file does not want a line per second. */
const PRINT_INTERVAL_MS = 5_000;

export interface LiveLines {
  /** Prints a sentence; the lines go on below it. */
  say(sentence: string): void;
  stop(): void;
}

/** Shows what `ask` answers until stopped. A question that fails (a restart, say) leaves the last answer standing. */
export function showLive(ask: () => Promise<readonly FlowState[]>): LiveLines {
  const isTerminal = process.stdout.isTTY === true;
  let before: { readonly at: number; readonly states: readonly FlowState[] } | null = null;
  let printed = 0;
  let isAsking = false;
  const show = async () => {
    if (isAsking) return;
    isAsking = true;
    const states = await ask().catch(() => null);
    isAsking = false;
    if (states === null) return;
    const now = Date.now();
    const seconds = before === null ? 0 : (now - before.at) / 1000;
    const lines = states.map((state, index) => lineOf(state, before?.states[index], seconds));
    if (isTerminal && printed > 0) process.stdout.write(`\u001b[${printed}A`);
    process.stdout.write(
      lines
        .map((line) => (isTerminal ? `\u001b[2K${line.slice(0, (process.stdout.columns ?? 80) - 1)}\n` : `${line}\n`))
        .join(''),
    );
    printed = lines.length;
    before = { at: now, states };
  };
  const timer = setInterval(show, isTerminal ? REWRITE_INTERVAL_MS : PRINT_INTERVAL_MS);
  void show();
  const say = (sentence: string) => {
    process.stdout.write(`${sentence}\n`);
    printed = 0;
  };
  return { say, stop: () => clearInterval(timer) };
}

/** `trucks → positions    12,345 records   100/s   lag 0   errors 42`. */
export function lineOf(state: FlowState, before: FlowState | undefined, seconds: number): string {
  const rate = before === undefined || seconds <= 0 ? 0 : Math.round((state.records - before.records) / seconds);
  const errors = state.deadLettered + state.failures.length;
  const parts = [
    state.name.padEnd(19),
    `${state.records.toLocaleString('en')} records`.padStart(18),
    `${rate.toLocaleString('en')}/s`.padStart(9),
    `lag ${state.lag?.toLocaleString('en') ?? '?'}`.padStart(10),
    `errors ${errors.toLocaleString('en')}`.padStart(12),
  ];
  const trouble = state.failures[0];
  return trouble === undefined ? parts.join('  ') : `${parts.join('  ')}  ${trouble}`;
}
