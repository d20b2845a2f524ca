import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { VERSION } from '../../src/version.ts';
import { homeport } from '../support/terminal.ts';

describe('wrong use', () => {
  const cases: readonly { argv: readonly string[]; err: string; exitCode?: number }[] = [
    { argv: ['reslove', 'x'], err: "homeport: unknown command 'reslove'; did you mean resolve?\n" },
    { argv: ['zzz'], err: "homeport: unknown command 'zzz'; see `homeport --help`\n" },
    { argv: ['--colour'], err: "homeport: unknown option '--colour'; see `homeport --help`\n" },
    {
      argv: ['serve', '--lisen', 'x'],
      err: "homeport: unknown option '--lisen'; did you mean --listen?\n",
    },
    {
      argv: ['serve', 'now'],
      err: "homeport: too many arguments for 'serve': expected 0 arguments but got 1; see `homeport serve --help`\n",
    },
    {
      argv: ['serve', '--listen'],
      err: "homeport: option '--listen <address:port>' argument missing; see `homeport serve --help`\n",
    },
    {
      argv: ['serve', '--listen', '5300'],
      err: '--listen: has no address ("5300") — write 127.0.0.1:5300\n',
    },
    {
      argv: ['serve', '--region', 'a..b', '--threads', 'x'],
      err: '--region: is no domain name: it has an empty label ("a..b") — write labels of letters, digits and inner hyphens, with dots between them\n--threads: is not a whole number of threads from 1 to 64 ("x") — write 1\n',
    },
    {
      argv: ['serve', '--config', '/nowhere/h.yaml'],
      exitCode: 78,
      err: '/nowhere/h.yaml: there is no such file — check the path, or write the file\n',
    },
    {
      argv: ['resolve'],
      err: "homeport: missing required argument 'name'; see `homeport resolve --help`\n",
    },
    {
      argv: ['resolve', 'a..b'],
      err: 'homeport: "a..b" is no domain name: it has an empty label\n',
    },
    {
      argv: ['resolve', 'a', 'AAA'],
      err: 'homeport: "AAA" is no record type; write A, AAAA, SRV, TXT or TYPE65\n',
    },
    {
      argv: ['resolve', 'a', '--server', 'dns'],
      err: 'homeport: --server "dns" is a name, and a name would need a resolver first; write its address\n',
    },
    {
      argv: ['resolve', 'a', '--server', '127.0.0.1:99999'],
      err: 'homeport: --server "127.0.0.1:99999" has "99999" for a port; write a number up to 65535: 127.0.0.1:53\n',
    },
    {
      argv: ['resolve', 'a', '--server', 'tls://127.0.0.1#a'],
      err: 'homeport: --server "tls://127.0.0.1#a" is DNS over TLS; write its address and port alone\n',
    },
    {
      argv: ['explain', 'a', '--from', 'web'],
      err: 'homeport: --from "web" is no IP address; `docker inspect` shows a container\'s\n',
    },
    { argv: ['config', 'chek'], err: "homeport: unknown command 'chek'; did you mean check?\n" },
    {
      argv: ['config', 'check'],
      err: 'homeport: no file to check; write `homeport config check FILE`, or set HOMEPORT_CONFIG\n',
    },
    {
      argv: ['parity', '--fo'],
      err: "homeport: unknown option '--fo'; see `homeport parity --help`\n",
    },
    {
      argv: ['names', '--control', '/nowhere/c.sock'],
      exitCode: 3,
      err: 'homeport: no server: there is no control socket /nowhere/c.sock; start one with `homeport serve`, or name its socket with --control\n',
    },
    {
      argv: ['names', '--config', '/nowhere/h.yaml'],
      exitCode: 78,
      err: 'homeport: /nowhere/h.yaml: there is no such file — check the path, or write the file\n',
    },
  ];
  for (const { argv, err, exitCode = 64 } of cases) {
    it(`\`homeport ${argv.join(' ')}\` is told in one line and exits with ${exitCode}`, async () => {
      assert.deepEqual(await homeport(argv), { exitCode, out: '', err });
    });
  }

  it('without a command shows the help and exits with 64', async () => {
    const { exitCode, out, err } = await homeport([]);
    assert.deepEqual([exitCode, out], [64, '']);
    assert.match(err, /^Usage: homeport \[options\] \[command\]/);
  });
});

describe('help and version', () => {
  it('are no failure', async () => {
    const help = await homeport(['--help']);
    assert.equal(help.exitCode, 0);
    for (const command of ['serve', 'resolve', 'explain', 'names', 'status', 'parity', 'config']) {
      assert.match(help.out, new RegExp(`^ {2}${command} `, 'm'));
    }
    assert.deepEqual(await homeport(['--version']), { exitCode: 0, out: `${VERSION}\n`, err: '' });
    assert.equal((await homeport(['help', 'serve'])).exitCode, 0);
    assert.match((await homeport(['parity', '--help'])).out, /--fail-on/);
  });

  it('tell the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.equal(VERSION, version);
  });
});
