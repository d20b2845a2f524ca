import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerTree } from '../../../src/parity/collect/container-files.ts';
import { detectLibc } from '../../../src/parity/collect/libc.ts';
import { type FakeFile, fakeContainer, fakeEngine } from './fake-engine.ts';

/** An ELF head as a static or a dynamic program has it: one program header, PT_LOAD or PT_INTERP. */
function elf(isStatic: boolean, tail = ''): Buffer {
  const head = Buffer.alloc(4096);
  head.write('\x7fELF', 0, 'latin1');
  head[4] = 2;
  head[5] = 1;
  head.writeUInt32LE(64, 0x20);
  head.writeUInt16LE(56, 0x36);
  head.writeUInt16LE(1, 0x38);
  head.writeUInt32LE(isStatic ? 1 : 3, 64);
  return Buffer.concat([head, Buffer.alloc(100_000), Buffer.from(tail, 'latin1')]);
}

/** What debug/buildinfo reads: magic, pointer size, flags, padding to 32, then length and version. */
function goInfo(version: string): string {
  const head = Buffer.alloc(32);
  head.write('\xff Go buildinf:', 'latin1');
  head[14] = 8;
  head[15] = 2;
  return `${head.toString('latin1')}${String.fromCharCode(version.length)}${version}${'\0'.repeat(64)}`;
}

const musl = Buffer.from('\x7fELF\u00001.2.5\u0000', 'latin1');
const glibc = Buffer.from('GNU C Library (GNU libc) stable release version 2.41.', 'latin1');
const busybox = Buffer.from('\x7fELF BusyBox v1.35.0 (Debian)', 'latin1');

const cases: { name: string; files: Record<string, FakeFile>; program?: string; want: string }[] = [
  { name: 'Alpine', files: { '/lib/ld-musl-x86_64.so.1': musl }, want: 'musl 1.2.5' },
  {
    name: 'Alpine on another architecture',
    files: { '/lib/ld-musl-s390x.so.1': musl },
    want: 'musl 1.2.5',
  },
  {
    name: 'Debian with musl-tools',
    files: { '/lib/ld-musl-x86_64.so.1': musl, '/lib/x86_64-linux-gnu/libc.so.6': glibc },
    want: 'glibc 2.41',
  },
  { name: 'Fedora', files: { '/lib64/libc.so.6': glibc }, want: 'glibc 2.41' },
  { name: 'a stripped C library', files: { '/lib64/libc.so.6': 'x' }, want: 'glibc ?' },
  {
    name: 'a static Go program in an empty image',
    files: { '/app': elf(true, goInfo('go1.24.4')) },
    program: '/app',
    want: 'go 1.24.4',
  },
  {
    name: 'a static Go program in Alpine, found in PATH',
    files: {
      '/lib/ld-musl-x86_64.so.1': musl,
      '/opt/bin/app': { link: '/opt/app' },
      '/opt/app': elf(true, goInfo('go1.19')),
    },
    program: 'app',
    want: 'go 1.19',
  },
  {
    name: 'a Go program that is linked with the C library',
    files: { '/app': elf(false, goInfo('go1.24.4')), '/lib64/libc.so.6': glibc },
    program: '/app',
    want: 'glibc 2.41',
  },
  {
    name: 'a static program that is not of Go',
    files: { '/app': elf(true), '/lib64/libc.so.6': glibc },
    program: '/app',
    want: 'glibc 2.41',
  },
  {
    name: 'a script',
    files: { '/run.sh': '#!/bin/sh\n', '/lib64/libc.so.6': glibc },
    program: '/run.sh',
    want: 'glibc 2.41',
  },
  { name: 'static busybox', files: { '/bin/busybox': busybox }, want: 'busybox 1.35' },
  { name: 'nothing known', files: {}, want: 'unknown ?' },
];

describe('detectLibc', () => {
  for (const { name, files, program = '/bin/sh', want } of cases) {
    it(`finds ${want} for ${name}`, async () => {
      const engine = fakeEngine([fakeContainer('web', files)]);
      const tree = containerTree(engine, 'id-web', new AbortController().signal);
      const libc = await detectLibc(tree, { program, environment: ['PATH=/usr/bin:/opt/bin'] });
      assert.equal(`${libc.kind} ${libc.version ?? '?'}`, want);
    });
  }
});
