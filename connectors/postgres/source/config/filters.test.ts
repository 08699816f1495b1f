/** Include and exclude lists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilters } from './filters.ts';

const filters = (
  lists: Record<string, string[]>,
  keyColumns: string | null = null,
  signalTable: string | null = null,
) => compileFilters({ list: (key) => lists[key] ?? [], keyColumns, signalTable });

test('expressions are anchored and ignore case', () => {
  const { table } = filters({ 'table.include.list': ['public\\.order', 'shop\\..*'] });
  assert.ok(table('public', 'ORDER') && table('shop', 'anything'));
  assert.ok(!table('public', 'orders') && !table('my_public', 'order'));
});

test('system schemas are never captured, whatever the lists say', () => {
  assert.ok(!filters({ 'schema.include.list': ['.*'] }).table('pg_catalog', 'pg_class'));
});

test('the signal table is captured whatever the lists say, as in Debezium', () => {
  const { table } = filters({ 'table.include.list': ['public\\.orders'] }, null, 'ops.signals');
  assert.ok(table('ops', 'signals') && table('public', 'orders'));
  assert.ok(!table('ops', 'other') && !table('public', 'signals'));
});

test('columns are left out by name, and keys chosen by table', () => {
  const { column, keyColumns } = filters(
    { 'column.exclude.list': ['public\\.users\\.password'] },
    'public.(.*)_log:at, id;shop.x:y',
  );
  assert.ok(!column('public', 'users', 'password') && column('public', 'users', 'name'));
  assert.deepEqual(keyColumns('public', 'access_log'), ['at', 'id']);
  assert.equal(keyColumns('public', 'users'), null);
});
