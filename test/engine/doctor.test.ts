/** The doctor on a host with a real engine: healthy, then with one fault after the other. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';
import type { Homeport } from '../support/homeport.ts';
import { Production, REGION, startBeside, withResolvConf } from './scene.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

interface Check {
  readonly about: string;
  readonly outcome: string;
  readonly text: string;
  readonly mend: string | null;
}

describe('homeport doctor', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let production: Production | undefined;
  let server: Homeport;

  before(async () => {
    // The bridge's own address is where containers ask homeport.
    engine = await startEngine({ name: 'doctor', args: ['--dns', '172.17.0.1'] });
    await engine.importBusybox();
    await engine.run('redis');
    production = await Production.start(engine, { [`billing.${REGION}`]: '10.66.6.6' });
    server = await startBeside(engine, { expected: { names: ['redis'] } });
    await server.waitFor(({ msg, address }) => msg === 'listening' && address === '172.17.0.1');
  });
  after(async () => {
    await server?.stop();
    await production?.stop();
    await engine?.stop();
  });

  /** Runs it on the engine's host, whose resolv.conf leads to homeport. */
  async function doctor(): Promise<{ code: number | null; checks: readonly Check[] }> {
    const argv = [
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      MAIN,
      'doctor',
      '--json',
    ];
    const flags = ['--config', server.file, '--control', server.control];
    const file = `search ${REGION}\nnameserver 127.0.0.1\n`;
    const { code, stdout } = await withResolvConf(engine, file, [...argv, ...flags]);
    return { code, checks: JSON.parse(stdout).checks };
  }

  const problems = (checks: readonly Check[]) =>
    checks.filter(({ outcome }) => outcome === 'problem').map(({ about, mend }) => [about, mend]);
  const textOf = (checks: readonly Check[], about: string) =>
    checks.find((check) => check.about === about)?.text ?? '';

  it('finds nothing wrong where nothing is', async () => {
    const { code, checks } = await doctor();
    assert.deepEqual(problems(checks), []);
    assert.equal(code, 0);
    assert.match(textOf(checks, 'engine'), /^local answers, version [\d.+a-z]+, 1 containers/);
    assert.match(textOf(checks, 'port 53'), /^homeport has 127\.0\.0\.1:53, 172\.17\.0\.1:53$/);
    assert.match(textOf(checks, 'resolv.conf'), /leads to homeport at 127\.0\.0\.1$/);
    assert.equal(textOf(checks, 'loop'), 'no upstream asks homeport back');
    assert.match(textOf(checks, 'upstream'), /^127\.0\.0\.9:53 answers/);
    assert.equal(textOf(checks, 'expected'), 'all 1 expected names are owned');
    assert.equal(textOf(checks, 'containers'), '1 of 1 running ask homeport');
  });

  it('names what is missing, who does not ask homeport, and what is dead', async () => {
    await engine.docker('stop', 'redis');
    await engine.run('astray', { args: ['--dns', '9.9.9.9'] });
    await production?.stop();
    production = undefined;
    const { code, checks } = await doctor();
    assert.equal(code, 1);
    assert.deepEqual(problems(checks), [
      ['upstream', 'dig @127.0.0.9 -p 53 NS .'],
      ['expected', 'docker start redis'],
      ['containers', 'homeport host install; docker restart astray'],
    ]);
    assert.equal(textOf(checks, 'containers'), '1 of 1 running do not ask homeport: astray');
  });

  it('says first that the server is down, and finds the rest without it', async () => {
    server.child.kill('SIGKILL');
    await once(server.child, 'exit');
    const { code, checks } = await doctor();
    assert.equal(code, 1);
    assert.deepEqual(
      problems(checks).map(([about]) => about),
      ['server', 'upstream', 'expected', 'containers'],
    );
    assert.equal(checks[0]?.about, 'server');
    assert.match(checks[0]?.text ?? '', /^no server: nobody answers on /);
    assert.equal(checks[0]?.mend, `homeport serve --config ${server.file}`);
    assert.match(textOf(checks, 'port 53'), /^free for homeport at 127\.0\.0\.1:53$/);
  });

  it('finds an engine that is down, and a fault of the configuration', async () => {
    await engine.terminate();
    writeFileSync(
      join(server.directory, 'homeport.yaml'),
      `engines: [{ url: "unix://${engine.socket}" }]\ntll: 5\n`,
    );
    const { checks } = await doctor();
    const found = problems(checks);
    assert.deepEqual(found[1], ['configuration', `homeport config check ${server.file}`]);
    assert.deepEqual(found[2]?.[0], 'engine');
  });
});
