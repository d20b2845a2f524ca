import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FileFormat } from '../../src/host/plan/change.ts';
import { type Release, release } from '../../src/host/plan/release.ts';

const ours =
  '# homeport answers for this host;\nnameserver 169.254.53.53\nsearch us-east-1.domain.com\n';
const before = 'search corp.example\nnameserver 10.0.0.2\n';
const dropIn = '[Resolve]\nDNS=127.53.0.1\nLLMNR=no\n';

const cases: readonly {
  name: string;
  format: FileFormat;
  ours: string;
  current: string;
  before: string | null;
  want: Release;
}[] = [
  {
    name: 'an option added to our resolv.conf stays, and the former server is back',
    format: 'resolv.conf',
    ours,
    current: `${ours}options timeout:1\n`,
    before,
    want: { kind: 'write', text: `${before}options timeout:1\n` },
  },
  {
    name: 'a server put beside ours stays',
    format: 'resolv.conf',
    ours,
    current: ours.replace('search', 'nameserver 9.9.9.9\nsearch'),
    before,
    want: { kind: 'write', text: `${before}nameserver 9.9.9.9\n` },
  },
  {
    name: 'a resolv.conf that a manager has rewritten stays as it is',
    format: 'resolv.conf',
    ours,
    current: 'nameserver 10.0.0.9\n',
    before,
    want: { kind: 'leave' },
  },
  {
    name: 'a setting added to our drop-in stays, with the head of its section',
    format: 'lines',
    ours: dropIn,
    current: `${dropIn}Cache=no\n`,
    before: null,
    want: { kind: 'write', text: '[Resolve]\nCache=no\n' },
  },
  {
    name: 'a drop-in in which only a comment was added goes',
    format: 'lines',
    ours: dropIn,
    current: `# hm\n${dropIn}`,
    before: null,
    want: { kind: 'remove' },
  },
  {
    name: 'a key added to daemon.json stays, ours go',
    format: 'json',
    ours: '{"dns": ["169.254.53.53"]}',
    current: '{"dns": ["169.254.53.53"], "debug": true}',
    before: null,
    want: { kind: 'write', text: '{"debug": true}' },
  },
  {
    name: 'the former servers are back in an edited daemon.json',
    format: 'json',
    ours: '{"dns": ["169.254.53.53"]}',
    current: '{"debug": true, "dns": ["169.254.53.53"]}',
    before: '{"dns": ["10.0.0.2"]}',
    want: { kind: 'write', text: '{"debug": true, "dns": ["10.0.0.2"]}' },
  },
  {
    name: 'servers that somebody else has set since stay',
    format: 'json',
    ours: '{"dns": ["169.254.53.53"]}',
    current: '{"dns": ["9.9.9.9"]}',
    before: null,
    want: { kind: 'leave' },
  },
  {
    name: 'a daemon.json that was broken since is left to whoever broke it',
    format: 'json',
    ours: '{"dns": ["169.254.53.53"]}',
    current: '{"dns": ["169.254.53.53"],}',
    before: null,
    want: { kind: 'leave' },
  },
  {
    name: 'an edited script of ours goes',
    format: 'own',
    ours: 'a\n',
    current: 'b\n',
    before: null,
    want: { kind: 'remove' },
  },
  {
    name: "the operator's configuration stays",
    format: 'given',
    ours: 'region: a\n',
    current: 'region: a\nttl: 5\n',
    before: null,
    want: { kind: 'leave' },
  },
];

describe('taking back a file that was edited since', () => {
  for (const { name, format, ours, current, before, want } of cases) {
    it(name, () => assert.deepEqual(release({ text: ours, format }, current, before), want));
  }
});
