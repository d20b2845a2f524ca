import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerTree } from '../../../src/parity/collect/container-files.ts';
import { ContainerMemory } from '../../../src/parity/collect/container-memory.ts';
import { collectContainers } from '../../../src/parity/collect/containers.ts';
import { readText } from '../../../src/parity/collect/file-tree.ts';
import { openTar } from '../../../src/parity/collect/tar.ts';
import {
  chunked,
  type FakeFile,
  fakeContainer,
  fakeEngine,
  tarHeader,
  tarOf,
} from './fake-engine.ts';

const never = new AbortController().signal;

const reads: { name: string; files: Record<string, FakeFile>; path?: string; want: string }[] = [
  { name: 'a file', files: { '/etc/resolv.conf': 'x\n' }, want: 'x\n' },
  { name: 'an empty file', files: { '/etc/resolv.conf': '' }, want: '' },
  { name: 'no file', files: {}, want: 'missing' },
  {
    name: 'an absolute link',
    files: { '/etc/resolv.conf': { link: '/run/r' }, '/run/r': 'y\n' },
    want: 'y\n',
  },
  {
    name: 'a relative link to a link',
    files: { '/etc/resolv.conf': { link: '../run/a' }, '/run/a': { link: 'b' }, '/run/b': 'z\n' },
    want: 'z\n',
  },
  {
    name: 'a dangling link',
    files: { '/etc/resolv.conf': { link: '/run/r' } },
    want: 'is a symbolic link to a file that does not exist',
  },
  {
    name: 'a link to itself',
    files: { '/etc/resolv.conf': { link: 'resolv.conf' } },
    want: 'is a symbolic link that leads to itself',
  },
  {
    name: 'a link out of the root',
    files: { '/etc/resolv.conf': { link: '../../../r' }, '/r': 'r\n' },
    want: 'r\n',
  },
  {
    name: 'a directory',
    files: { '/etc/resolv.conf': { directory: true } },
    want: 'is no regular file',
  },
  {
    name: 'a huge file',
    files: { '/etc/resolv.conf': Buffer.alloc(2 * 1024 * 1024, 'a') },
    want: 'is larger than 131072 bytes',
  },
  {
    name: 'a binary file',
    files: { '/etc/resolv.conf': Buffer.from('search\0') },
    want: 'is no text: a NUL byte at offset 6',
  },
  {
    name: 'an engine that fails',
    files: { '/etc/resolv.conf': { error: new Error('the engine said 500') } },
    want: 'cannot be read: the engine said 500',
  },
];

describe('containerTree', () => {
  for (const { name, files, path = '/etc/resolv.conf', want } of reads) {
    it(`reads ${name}`, async () => {
      const tree = containerTree(fakeEngine([fakeContainer('web', files)]), 'id-web', never);
      const read = await readText(tree, path);
      assert.equal(
        read.kind === 'text' ? read.text : read.kind === 'missing' ? 'missing' : read.why,
        want,
      );
    });
  }
});

describe('openTar', () => {
  it('reads pax and GNU long names and link targets', async () => {
    const long = 'd/'.repeat(150);
    const pax = Buffer.alloc(512);
    const record = `${String(long.length + 'linkpath=\n'.length + 4)} linkpath=${long}\n`;
    pax.write(record);
    const tar = Buffer.concat([
      tarHeader('pax', record.length, 'x'),
      pax,
      tarHeader('resolv.conf', 0, '2', 'short'),
      Buffer.alloc(1024),
    ]);
    const entry = await openTar(chunked(tar));
    assert.equal(entry.kind, 'symlink');
    assert.equal(entry.linkTarget, long);
  });

  it('fails cleanly on every cut and on random bytes', async () => {
    const tar = tarOf('f', 'content\n');
    for (let length = 0; length < 520; length += 13) {
      await assert.rejects(async () => {
        const entry = await openTar(chunked(tar.subarray(0, length)));
        for await (const _ of entry.bytes) {
          // Read to the end, where the cut is met at the latest.
        }
      }, /archive cannot be read/);
    }
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 256;
    };
    for (let round = 0; round < 200; round++) {
      const noise = Buffer.from(Array.from({ length: 600 }, random));
      await openTar(chunked(noise)).then(
        async (entry) => {
          for await (const _ of entry.bytes) break;
        },
        (error: unknown) => assert.match(String(error), /archive cannot be read/),
      );
    }
  });
});

describe('collectContainers', () => {
  const muslFile = Buffer.concat([Buffer.from('\x7fELF'), Buffer.from('\x001.2.5\0', 'latin1')]);
  const glibcFile = Buffer.from(
    '\x7fELF...GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n\0',
    'latin1',
  );

  it('reads files, C library, flags, networks and neighbours', async () => {
    const network = (address: string, names: string[]) => ({
      name: 'ci',
      address,
      ipv6: false,
      names,
    });
    const { targets, problems } = await collectContainers(
      fakeEngine([
        fakeContainer(
          'web',
          {
            '/etc/resolv.conf': 'nameserver 127.0.0.11\noptions ndots:0\n',
            '/etc/hosts': '127.0.0.1 localhost\n',
            '/lib/ld-musl-x86_64.so.1': muslFile,
          },
          {
            networkMode: 'ci',
            networks: [network('172.18.0.2', ['web', 'Alias'])],
            dns: ['10.9.9.9'],
            environment: ['LOCALDOMAIN=a.example', 'SECRET=x', 'JAVA_HOME=/opt/java'],
          },
        ),
        fakeContainer(
          'db',
          {
            '/etc/resolv.conf': 'nameserver 10.0.0.2\n',
            '/lib/x86_64-linux-gnu/libc.so.6': { link: 'libc-2.36.so' },
            '/lib/x86_64-linux-gnu/libc-2.36.so': glibcFile,
          },
          { networkMode: 'container:id-web' },
        ),
      ]),
    );
    assert.deepEqual(problems, []);
    const [web, db] = targets;
    assert.equal(web?.libc?.kind, 'musl');
    assert.equal(web?.libc?.version, '1.2.5');
    assert.equal(db?.libc?.kind, 'glibc');
    assert.equal(db?.libc?.version, '2.36');
    assert.equal(web?.container?.network, 'user-defined');
    assert.equal(db?.container?.network, 'shared');
    assert.equal(web?.container?.runtime, 'jvm');
    assert.deepEqual(web?.container?.flags.servers, ['10.9.9.9']);
    assert.deepEqual(web?.surroundings.environment, { LOCALDOMAIN: 'a.example' });
    const names = (target: typeof web) => target?.container?.neighbours.map(({ name }) => name);
    assert.deepEqual(names(web), ['web', 'web.ci', 'alias', 'alias.ci']);
    // A sharer asks in the namespace of the container whose network it has.
    assert.deepEqual(names(db), names(web));
  });

  it('gives one line for a container that stops while it is read, and goes on', async () => {
    const gone = {
      error: new Error('(HTTP code 404) no such container - No such container: id-a'),
    };
    const { targets, problems } = await collectContainers(
      fakeEngine([
        fakeContainer('a', {
          '/etc/resolv.conf': gone,
          '/etc/nsswitch.conf': gone,
          '/etc/hosts': gone,
          '/etc/host.conf': gone,
        }),
        fakeContainer('b', { '/etc/resolv.conf': 'nameserver 10.0.0.2\n' }),
      ]),
    );
    assert.deepEqual(
      targets.map(({ title }) => title),
      ['container b'],
    );
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.thing, 'container a');
    assert.match(problems[0]?.why ?? '', /No such container/);
  });

  it('gives one line for an engine that is away', async () => {
    const engine = {
      ...fakeEngine([]),
      running: async () => Promise.reject(new Error('connect ENOENT')),
    };
    const { targets, problems } = await collectContainers(engine);
    assert.deepEqual(targets, []);
    assert.deepEqual(problems, [{ thing: 'engine local', why: 'cannot be asked: connect ENOENT' }]);
  });

  it('names what is odd about a resolv.conf and still compares the rest', async () => {
    const { targets, problems } = await collectContainers(
      fakeEngine([
        fakeContainer('empty', { '/etc/resolv.conf': '' }),
        fakeContainer('half', { '/etc/resolv.conf': 'search a.example\nnameserver 10.' }),
        fakeContainer('cut', { '/etc/resolv.conf': 'search a.example\nnamese' }),
        fakeContainer('whole', { '/etc/resolv.conf': 'nameserver 10.0.0.2' }),
      ]),
    );
    assert.equal(targets.length, 4);
    assert.deepEqual(
      problems.map(({ thing, why }) => `${thing} ${why}`),
      [
        'container empty: /etc/resolv.conf is empty: nothing to compare',
        'container half: /etc/resolv.conf looks half-written: line 2 ends in "nameserver 10."',
        'container cut: /etc/resolv.conf looks half-written: line 2 ends in "namese"',
      ],
    );
  });

  it('asks the engine once for the small files of a container, and once for the C library of an image', async () => {
    const files = {
      '/etc/apt/sources.list': Buffer.alloc(9000, 'a'),
      '/etc/resolv.conf': 'nameserver 10.0.0.2\n',
      '/etc/ssl/certs.pem': Buffer.alloc(90_000, 'a'),
      '/lib/ld-musl-x86_64.so.1': muslFile,
    };
    const containers = Array.from({ length: 20 }, (_, index) =>
      fakeContainer(`c${index}`, files, { imageId: 'sha256:1', program: '/app' }),
    );
    const engine = fakeEngine(containers);
    const { targets } = await collectContainers(engine);
    assert.ok(targets.every(({ libc }) => libc?.kind === 'musl'));
    assert.ok(targets.every(({ surroundings }) => surroundings.resolvConf.text !== undefined));
    // The program, and on a foreign architecture the paths before the loader's.
    assert.ok(engine.archives <= 20 + 12, String(engine.archives));
  });

  it('reads a container once for each start, and again when its networks change', async () => {
    const files = {
      '/etc/resolv.conf': 'nameserver 10.0.0.2\n',
      '/lib/ld-musl-x86_64.so.1': muslFile,
    };
    const network = { name: 'ci', address: '172.18.0.2', ipv6: false, names: ['web'] };
    const web = fakeContainer('web', files, { imageId: 'sha256:1' });
    const memory = new ContainerMemory();
    /** How often the engine is asked for files now. */
    const asks = async (...containers: ReturnType<typeof fakeContainer>[]): Promise<number> => {
      const engine = fakeEngine(containers);
      const { targets, problems } = await collectContainers(engine, { memory });
      assert.deepEqual(problems, []);
      assert.ok(targets.every(({ libc }) => libc?.kind === 'musl'));
      assert.equal(targets.length, containers.length);
      return engine.archives;
    };
    assert.ok((await asks(web)) > 1);
    assert.equal(await asks(web), 0);
    const again = { startedAt: '2026-01-02T00:00:00Z', imageId: 'sha256:1' };
    const restarted = fakeContainer('web', files, again);
    // Its image is known: the small files are read, its C library is not.
    assert.equal(await asks(restarted), 1);
    const joined = fakeContainer('web', files, { ...again, networks: [network] });
    assert.equal(await asks(joined), 1);
    assert.equal(await asks(joined), 0);
    // Gone and come back: nothing is kept of containers that do not run.
    assert.equal(await asks(), 0);
    assert.equal(await asks(joined), 1);
  });

  it('reads again what could not be read', async () => {
    const memory = new ContainerMemory();
    const broken = { '/etc/resolv.conf': { error: new Error('the engine said 500') } };
    const good = { '/etc/resolv.conf': 'nameserver 10.0.0.2\n' };
    const collect = (files: Record<string, FakeFile>) =>
      collectContainers(fakeEngine([fakeContainer('web', files)]), { memory });
    assert.notEqual((await collect(broken)).problems.length, 0);
    const { targets, problems } = await collect(good);
    assert.deepEqual(problems, []);
    assert.equal(targets[0]?.surroundings.resolvConf.text, 'nameserver 10.0.0.2\n');
  });

  it('asks for single files where /etc is too large to be read through', async () => {
    const engine = fakeEngine([
      fakeContainer('big', {
        '/etc/big': Buffer.alloc(9 * 1024 * 1024, 'a'),
        '/etc/resolv.conf': 'nameserver 10.0.0.2\n',
      }),
    ]);
    const { targets, problems } = await collectContainers(engine);
    assert.deepEqual(problems, []);
    assert.equal(targets[0]?.surroundings.resolvConf.text, 'nameserver 10.0.0.2\n');
  });

  it('tells its progress', async () => {
    const seen: string[] = [];
    await collectContainers(fakeEngine([fakeContainer('a', {}), fakeContainer('b', {})]), {
      onProgress: (name, index, count) => seen.push(`${name} ${index} ${count}`),
    });
    assert.deepEqual(seen, ['a 0 2', 'b 1 2']);
  });
});
