import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { replayEngineCase } from '../../../src/parity/engine/replay.ts';

const file = new URL('../../fixtures/vectors/docker-resolv-conf.jsonl', import.meta.url);
const rows = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line): Record<string, unknown> => JSON.parse(line));

/** A recorded row with other inputs or another outcome. */
function rowLike(id: string, changes: Record<string, unknown>): Record<string, unknown> {
  const row = rows.find((candidate) => candidate.id === id && candidate.engine !== undefined);
  assert.ok(row, `no row ${id}`);
  return { ...row, ...changes };
}

describe('replayEngineCase', () => {
  it('reproduces every recorded case of both engines', () => {
    const failed = rows
      .map((row) => replayEngineCase(row))
      .filter((verdict) => typeof verdict === 'string' || verdict.kind !== 'passed');
    assert.deepEqual(failed, []);
    assert.equal(rows.length, 420);
  });

  const beyond = [
    {
      name: 'an engine that was not recorded',
      row: rowLike('remote-ns/bridge', { engine: 'dockerd-28.5.2' }),
      want: /was not measured/,
    },
    {
      name: 'a program without a simulator',
      row: rowLike('e2e-userdef-search/musl', { command: ['dig', 'web'] }),
      want: /no simulator/,
    },
    {
      name: 'an upstream that the recording server is not',
      row: rowLike('e2e-userdef-fqdn/musl', { args: ['--dns', '10.9.9.9'] }),
      want: /10\.9\.9\.9/,
    },
    {
      name: 'a one-label name after an invalid ndots on 26.1',
      row: rowLike('e2e-userdef-search/musl', {
        engine: 'dockerd-26.1.5',
        args: ['--dns-opt', 'ndots:-1'],
      }),
      want: /ndots/,
    },
  ];
  for (const { name, row, want } of beyond) {
    it(`says unknown of ${name}`, () => {
      const verdict = replayEngineCase(row);
      assert.ok(typeof verdict !== 'string');
      assert.equal(verdict.kind, 'unknown');
      assert.match(verdict.detail ?? '', want);
    });
  }

  it('says what differs', () => {
    const file_ = replayEngineCase(rowLike('remote-ns/bridge', { container_resolv_conf: 'x' }));
    assert.ok(typeof file_ !== 'string');
    assert.equal(file_.kind, 'differs');
    const queries = replayEngineCase(rowLike('e2e-userdef-search/musl', { upstream_queries: [] }));
    assert.ok(typeof queries !== 'string');
    assert.match(queries.detail ?? '', /^queries: recorded \[\]/);
    const output = replayEngineCase(rowLike('e2e-userdef-search/musl', { output: 'x' }));
    assert.ok(typeof output !== 'string');
    assert.match(output.detail ?? '', /^output: recorded "x"/);
  });

  const bad = [
    { row: {}, want: /'id'/ },
    { row: { id: 'x', engine: 1 }, want: /'engine'/ },
    {
      row: { id: 'x', engine: 'dockerd-26.1.5', network: 'mesh', container_resolv_conf: '' },
      want: /'network'/,
    },
    { row: rowLike('remote-ns/bridge', { args: 'x' }), want: /'args'/ },
    { row: rowLike('remote-ns/bridge', { daemon_json: { dns: 1 } }), want: /'daemon_json'/ },
    {
      row: rowLike('e2e-userdef-search/musl', { upstream_queries: [1] }),
      want: /'upstream_queries'/,
    },
  ];
  for (const { row, want } of bad) {
    it(`says what is wrong with a row: ${want.source}`, () => {
      const said = replayEngineCase(row);
      assert.ok(typeof said === 'string', JSON.stringify(said));
      assert.match(said, want);
    });
  }
});
