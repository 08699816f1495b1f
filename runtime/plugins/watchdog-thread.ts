/**
 * Watches the event loop of the house from a thread of its own: when its heart stops beating, stops the house for a
 * moment with the debugger, asks which plugin is running and where, and lets it go on.
 *
 * The only way to name the culprit of an endless loop. The debugger is attached in that moment only.
 */
import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';

interface Frame {
  readonly callFrameId: string;
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number };
}

interface Answer {
  readonly result: { readonly value?: unknown };
}

/** Who was found, and where. Posted to the house, which reads it as soon as it can. */
export interface Blocked {
  /** Counts the blocks; the later ones of one number tell a longer time. */
  readonly id: number;
  readonly ms: number;
  readonly culprit: { readonly plugin: string; readonly connector: string; readonly task: number | null } | null;
  readonly places: readonly string[];
}

const { heart, blockedMs } = workerData as { heart: SharedArrayBuffer; blockedMs: number };
const beats = new Int32Array(heart);
const LOOK_MS = Math.max(20, Math.min(250, blockedMs / 4));
/** A house that does not come back cannot log; then this thread says it on stderr itself. */
const SPEAK_UP_MS = 10_000;
const FRAMES_MAX = 5;

let lastBeat = -1;
let since = Date.now();
let blocks = 0;
let found: Omit<Blocked, 'ms'> | null = null;
let hasSpoken = false;

setInterval(() => {
  const beat = Atomics.load(beats, 0);
  const now = Date.now();
  if (beat !== lastBeat) {
    if (found !== null) parentPort!.postMessage({ ...found, ms: now - since } satisfies Blocked);
    [lastBeat, since, found, hasSpoken] = [beat, now, null, false];
    return;
  }
  if (now - since < blockedMs) return;
  if (found === null) {
    found = { id: blocks++, culprit: null, places: [] };
    look(found.id);
  } else if (!hasSpoken && now - since > SPEAK_UP_MS) {
    hasSpoken = true;
    const message = `The event loop is blocked for ${Math.round((now - since) / 1000)} s by ${shown(found)}. Nothing else can run until it ends; if it never does, end the process and take the plugin out.`;
    writeSync(2, `${JSON.stringify({ level: 'error', time: now, part: 'plugins', msg: message })}\n`);
  }
}, LOOK_MS);

function shown({ culprit, places }: Omit<Blocked, 'ms'>): string {
  const who =
    culprit === null ? 'code of no plugin' : `plugin ${culprit.plugin} (connector ${culprit.connector || '-'})`;
  return `${who} at ${places[0] ?? 'an unknown place'}`;
}

function look(id: number): void {
  const session = new Session();
  const scripts = new Map<string, string>();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    const frames = params.callFrames as unknown as readonly Frame[];
    const places = frames.slice(0, FRAMES_MAX).map(({ functionName, location }) => {
      return `${functionName || '(anonymous)'} ${scripts.get(location.scriptId) ?? ''}:${location.lineNumber + 1}`;
    });
    const question = {
      callFrameId: frames[0]!.callFrameId,
      expression: 'globalThis[Symbol.for("millrace.culprit")]?.() ?? null',
      returnByValue: true,
    };
    session.post('Debugger.evaluateOnCallFrame', question, (_, answer) => {
      const culprit = ((answer as Answer | undefined)?.result.value ?? null) as Blocked['culprit'];
      if (found?.id === id) found = { id, culprit, places };
      session.post('Debugger.resume', () => session.post('Debugger.disable', () => session.disconnect()));
    });
  });
  session.post('Debugger.enable', () => session.post('Debugger.pause', () => undefined));
}
