import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runVectors } from '../../../src/parity/vectors/run.ts';

const row = {
  id: 'bare/glibc-2.36',
  resolver: 'glibc-2.36',
  resolv_conf: 'search a.example\nnameserver 127.0.0.1\n',
  nsswitch: null,
  env: {},
  name: 'svc',
  family: 'inet',
  zone: { 'svc.a.example A': '192.0.2.11' },
  queries: [['svc.a.example', 'A']],
  order: 'exact',
  result: ['192.0.2.11'],
  wire: [['127.0.0.1', 'udp', 0, null, 0]],
  elapsed_s: 0,
};

function run(...rows: readonly unknown[]): ReturnType<typeof runVectors> {
  return runVectors([{ path: 'x', text: rows.map((one) => `${JSON.stringify(one)}\n`).join('') }]);
}

describe('the vectors runner', () => {
  it('counts a row that is reproduced', () => {
    assert.deepEqual(run(row), { lines: ['1 passed, 0 failed'], exitCode: 0 });
  });

  const differing = [
    { name: 'another result', change: { result: ['192.0.2.12'] }, says: /^bare.*result: recorded/ },
    { name: 'a query more', change: { queries: [...row.queries, ['svc', 'A']] }, says: /queries:/ },
    { name: 'another name', change: { queries: [['svc.b.example', 'A']] }, says: /queries:/ },
    {
      name: 'another server',
      change: { wire: [['127.0.0.2', 'udp', 0, null, 0]] },
      says: /wire: .*127\.0\.0\.2/,
    },
    { name: 'an OPT record', change: { wire: [['127.0.0.1', 'udp', 0, 1232, 0]] }, says: /1232/ },
    { name: 'the AD bit', change: { wire: [['127.0.0.1', 'udp', 0, null, 1]] }, says: /\/ad/ },
    { name: 'TCP', change: { wire: [['127.0.0.1', 'tcp', 0, null, 0]] }, says: /\/tcp/ },
    { name: 'a longer wait', change: { elapsed_s: 5 }, says: /elapsed: recorded 5000 ms/ },
    { name: 'another version', change: { also: ['musl-0.9'] }, says: /as musl-0\.9: unknown: no/ },
    { name: 'an unknown stub', change: { resolver: 'ares-9' }, says: /unknown: no simulator/ },
  ];
  for (const { name, change, says } of differing) {
    it(`fails a row that recorded ${name}`, () => {
      const { lines, exitCode } = run({ ...row, ...change });
      assert.match(lines[0] ?? '', says);
      assert.equal(lines.length, 2);
      assert.equal(lines.at(-1), '0 passed, 1 failed');
      assert.equal(exitCode, 1);
    });
  }

  it('fails every version of `also` that behaves otherwise', () => {
    const recorded = { ...row, zone: {}, result: 'EAI_NONAME', wire: null };
    const queries = [
      ['svc.a.example', 'A'],
      ['svc', 'A'],
    ];
    const { lines } = run({ ...recorded, queries, also: ['musl-1.2.5', 'c-ares-1.34.5'] });
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? '', /as c-ares-1\.34\.5: result/);
  });

  const bad = [
    { name: 'no JSON', text: '{"id": \n', says: /^x:1: not JSON$/ },
    { name: 'a list', text: '[]\n', says: /^x:1: not a JSON object$/ },
    { name: 'neither form', text: '\n{"id": "a"}\n', says: /^x:2: neither a stub's case/ },
    {
      name: 'a wrong field',
      text: `${JSON.stringify({ ...row, queries: 1 })}\n`,
      says: /'queries'/,
    },
    { name: 'no family', text: `${JSON.stringify({ ...row, family: 'ipx' })}\n`, says: /'family'/ },
    { name: 'nothing', text: '\n', says: /^x: no cases in it/ },
    { name: 'binary bytes', text: '\0\u0001\uFFFD', says: /^x:1: not JSON$/ },
  ];
  for (const { name, text, says } of bad) {
    it(`says in one line what is wrong with a file of ${name}`, () => {
      const { lines, exitCode } = runVectors([{ path: 'x', text }]);
      assert.equal(lines.length, 2);
      assert.match(lines[0] ?? '', says);
      assert.equal(exitCode, 2);
    });
  }

  it('goes on after a file that cannot be read', () => {
    const good = { path: 'good', text: JSON.stringify(row) };
    const { lines, exitCode } = runVectors([{ path: 'gone', error: 'ENOENT' }, good]);
    assert.deepEqual(lines, ['gone: cannot read: ENOENT', '1 passed, 0 failed']);
    assert.equal(exitCode, 2);
  });

  it('wants a file', () => {
    assert.equal(runVectors([]).exitCode, 64);
  });
});
