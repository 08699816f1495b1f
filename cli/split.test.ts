import assert from 'node:assert/strict';
import { it } from 'node:test';
import { splitStream } from './split.ts';

async function split(chunks: readonly string[], delimiter: string): Promise<string[]> {
  async function* stream() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: string[] = [];
  for await (const line of splitStream(stream(), Buffer.from(delimiter))) lines.push(line.toString());
  return lines;
}

it('yields the same lines however the bytes are cut', async () => {
  const text = 'one\n\ntwo\nthree';
  for (let cut = 0; cut <= text.length; cut++) {
    assert.deepEqual(await split([text.slice(0, cut), text.slice(cut)], '\n'), ['one', '', 'two', 'three']);
  }
  assert.deepEqual(await split([...text], '\n'), ['one', '', 'two', 'three']);
});

it('finds a delimiter of several bytes across chunks', async () => {
  assert.deepEqual(await split(['a-', '-b--', 'c', '-d--'], '--'), ['a', 'b', 'c-d']);
});

it('yields nothing for nothing', async () => {
  assert.deepEqual(await split([], '\n'), []);
});
