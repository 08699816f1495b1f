/**
 * Files to a topic to files in folders, killed with SIGKILL at each step that makes something final: when a file is
 * written, named, committed; when one that was read is moved. Afterwards both judges are asked: `file verify` about the
 * folders, the fleet's about the reports in them.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { verifyFolder } from '../../connectors/file/sink/verify.ts';
import { FleetVerifier } from '../../connectors/sim/verifier.ts';

const program = join(fileURLToPath(new URL('.', import.meta.url)), 'file-process.ts');
const TRUCKS = 4;
const REPORTS = 240;
const FILES = 24;
const DEADLINE_MS = 60_000;
/** Those of the source first: it is done before the sinks are. */
const windows = [
  'after read',
  'before the source is told',
  'before moving',
  'after moving',
  'after temporary write',
  'before naming',
  'after naming',
  'before manifest',
  'after manifest',
];
const formats = ['jsonl', 'parquet'] as const;

it(
  'files that are read, moved and written into folders are whole after a kill at every step',
  { timeout: 240_000 },
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-kill-files-'));
    try {
      await writeInput(join(dir, 'in'));
      for (const window of windows) await killedIn(dir, window);
      await survivor(dir);
      assert.equal((await readdir(join(dir, 'done'))).length, FILES);
      for (const format of formats) await judge(join(dir, format), format);
    } finally {
      await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    }
  },
);

/** Each file holds some reports of each truck, in order. */
async function writeInput(folder: string): Promise<void> {
  await mkdir(folder);
  const each = REPORTS / FILES;
  for (let file = 0; file < FILES; file++) {
    const lines: string[] = [];
    for (let seq = file * each + 1; seq <= (file + 1) * each; seq++) {
      for (let truck = 0; truck < TRUCKS; truck++) lines.push(JSON.stringify({ id: `truck-${truck}`, seq }));
    }
    await writeFile(join(folder, `reports-${file}.jsonl`), `${lines.join('\n')}\n`);
  }
}

function start(dir: string, window: string): ChildProcess {
  return spawn(process.execPath, [program, dir, window, '2'], { stdio: ['pipe', 'ignore', 'inherit'] });
}

async function killedIn(dir: string, window: string): Promise<void> {
  const child = start(dir, window);
  const tooLate = setTimeout(() => child.kill('SIGTERM'), DEADLINE_MS);
  const [, signal] = await once(child, 'exit');
  clearTimeout(tooLate);
  assert.equal(signal, 'SIGKILL', `the window "${window}" was not reached`);
}

/** Runs until everything has arrived, and is killed as well. */
async function survivor(dir: string): Promise<void> {
  const child = start(dir, 'none');
  try {
    for (const deadline = Date.now() + DEADLINE_MS; ; await sleep(100)) {
      const found = await Promise.all(formats.map((format) => committedRecords(join(dir, format))));
      const left = await readdir(join(dir, 'in'));
      if (found.every((records) => records >= TRUCKS * REPORTS) && left.length === 0) return;
      assert.ok(Date.now() < deadline, `${found.join(' and ')} records are committed, ${left.length} files are left`);
    }
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function committedRecords(folder: string): Promise<number> {
  const commits = join(folder, '_commits');
  const names = (await readdir(commits)).filter((name) => !name.startsWith('.'));
  const texts = await Promise.all(names.map((name) => readFile(join(commits, name), 'utf8')));
  return texts.reduce((sum, text) => sum + (JSON.parse(text) as { records: number }).records, 0);
}

async function judge(folder: string, format: (typeof formats)[number]): Promise<void> {
  const { partitions, faults } = await verifyFolder(folder, { allowsMissing: false });
  assert.deepEqual(faults, []);
  assert.equal(
    partitions.reduce((sum, { records }) => sum + records, 0),
    TRUCKS * REPORTS,
  );
  const verifier = new FleetVerifier();
  const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(`.${format}`));
  for (const path of paths) {
    if (format === 'jsonl') {
      for (const line of (await readFile(join(folder, path), 'utf8')).trimEnd().split('\n')) verifier.addPayload(line);
    } else {
      const rows = await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, path)) });
      for (const { id, seq } of rows) verifier.add(id, Number(seq));
    }
  }
  const { reports, missing, duplicates } = verifier.verdict({ last: REPORTS });
  assert.deepEqual([reports, missing, duplicates], [TRUCKS * REPORTS, 0, 0], format);
}
