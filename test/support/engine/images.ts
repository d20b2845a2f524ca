/** Images made of the host's own files, since the tests have no registry. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { output } from './run.ts';

/** Ends at once on TERM: as process 1, a plain `sleep` would ignore it and each stop take seconds. */
const WAIT_FOR_TERM = ['sh', '-c', "trap 'exit 0' TERM; sleep 1000000 & wait"];

/** The host's static busybox with a link for every applet. */
export async function importBusybox(socket: string, tag: string): Promise<void> {
  await importTree(socket, tag, addBusybox);
}

/**
 * Busybox and real glibc programs with the libraries they load, so that names are looked up by
 * glibc's own resolver: a static busybox cannot (its getaddrinfo crashes).
 */
export async function importGlibc(
  socket: string,
  tag: string,
  programs: readonly string[],
): Promise<void> {
  await importTree(socket, tag, async (root) => {
    await addBusybox(root);
    for (const program of programs) {
      const path = (await output(['which', program])).trim();
      await copyInto(root, path, join('/usr/bin', basename(path)));
      for (const library of await librariesOf(path)) await copyInto(root, library, library);
    }
    await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  });
}

async function addBusybox(root: string): Promise<void> {
  const busybox = (await output(['which', 'busybox'])).trim();
  await mkdir(join(root, 'bin'), { recursive: true });
  for (const folder of ['etc', 'tmp', 'usr/bin', 'www']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await cp(busybox, join(root, 'bin/busybox'), { dereference: true });
  const applets = (await output([busybox, '--list'])).trim().split('\n');
  for (const applet of applets) {
    if (applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet));
  }
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
}

async function librariesOf(program: string): Promise<string[]> {
  const lines = (await output(['ldd', program])).split('\n');
  return lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

async function copyInto(root: string, from: string, to: string): Promise<void> {
  await mkdir(dirname(join(root, to)), { recursive: true });
  await writeFile(join(root, to), await readFile(from), { mode: 0o755 });
}

async function importTree(
  socket: string,
  tag: string,
  fill: (root: string) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'hp-image-'));
  try {
    await fill(root);
    const tar = spawn('tar', ['-C', root, '--owner=0', '--group=0', '-c', '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const change = ['-c', `CMD ${JSON.stringify(WAIT_FOR_TERM)}`];
    await output(['docker', '-H', `unix://${socket}`, 'import', ...change, '-', tag], {
      stdin: tar.stdout,
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
