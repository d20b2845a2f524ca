/** The control socket's place in the file system: its directory, and what a former server left there. */
import { lstat, mkdir, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { codeOf, HomeportError, messageOf } from '../errors.ts';

const DIRECTORY_MODE = 0o750;
/** A server that hangs still accepts: the kernel does that. */
const PROBE_MS = 1_000;

/**
 * Makes room for a socket: creates its directory (0750), removes a socket on which nobody answers.
 * Whatever else is there stays.
 *
 * @throws HomeportError BIND_FAILED
 */
export async function prepareSocketFile(path: string): Promise<void> {
  await prepareDirectory(path);
  const found = await lookAt(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw refused(
      path,
      'something that is no socket is there',
      'remove it, or set control: to another path',
    );
  }
  const answer = await probe(path);
  if (answer === 'answers') {
    throw refused(
      path,
      'a server answers there already',
      'stop it, or set control: to another path',
    );
  }
  if (answer === 'forbidden') {
    throw refused(
      path,
      'another user’s socket is there',
      'remove it, or set control: to another path',
    );
  }
  // Another server may have taken its place while we looked.
  const now = await lookAt(path);
  if (now !== undefined && now.ino === found.ino && now.isSocket()) await unlink(path);
}

async function prepareDirectory(path: string): Promise<void> {
  const directory = dirname(path);
  try {
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    const { uid } = await stat(directory);
    const own = process.getuid?.() ?? 0;
    if (uid === own || uid === 0 || own === 0) return;
  } catch (error) {
    const reason = messageOf(error);
    throw refused(
      path,
      `its directory cannot be made: ${reason}`,
      'set control: to a path that this user may write',
    );
  }
  throw refused(
    path,
    'its directory belongs to another user',
    'set control: to a path of this user',
  );
}

async function lookAt(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw refused(path, messageOf(error), 'set control: to another path');
  }
}

/** Whether somebody accepts connections on a socket. */
function probe(path: string): Promise<'answers' | 'silent' | 'forbidden'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: 'answers' | 'silent' | 'forbidden'): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS, () => end('answers'));
    socket.once('connect', () => end('answers'));
    socket.once('error', (error) => {
      const code = codeOf(error);
      if (code === 'EACCES' || code === 'EPERM') end('forbidden');
      // EAGAIN: its queue is full, so somebody listens.
      else end(code === 'EAGAIN' ? 'answers' : 'silent');
    });
  });
}

function refused(path: string, reason: string, wayOut: string): HomeportError {
  return new HomeportError(
    'BIND_FAILED',
    `cannot use ${path} as control socket: ${reason}; ${wayOut}`,
  );
}
