/** The thread that answers goes before the host's other work, the main thread does not, and an operator's word counts. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { describe, it } from 'node:test';
import { Homeport } from '../support/homeport.ts';

/** Of proc_pid_stat(5) the niceness is field 19; what follows the command's name begins with field 3. */
function nicenessOf(file: string): number {
  const text = readFileSync(file, 'latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]);
}

/** Whether this process may raise its priority, and has one that nobody chose. */
function isFree(): boolean {
  if (process.platform !== 'linux' || getPriority() !== 0) return false;
  try {
    setPriority(-1);
    setPriority(0);
    return true;
  } catch {
    return false;
  }
}

describe('niceness', { skip: isFree() ? false : 'may not be raised here' }, () => {
  for (const { title, given, main, first } of [
    { title: 'of a plain start', given: 0, main: 0, first: -5 },
    { title: 'under a unit with Nice=-5', given: -5, main: 0, first: -5 },
    { title: 'of a server that was niced', given: 10, main: 10, first: 10 },
  ]) {
    it(title, async () => {
      const server = await Homeport.start({
        wrap: (argv) => ['nice', '-n', String(given), ...argv],
      });
      try {
        const folder = `/proc/${server.child.pid}/task`;
        const all = readdirSync(folder).map((thread) => nicenessOf(`${folder}/${thread}/stat`));
        assert.equal(nicenessOf(`/proc/${server.child.pid}/stat`), main);
        assert.equal(Math.min(...all), first);
      } finally {
        await server.stop();
      }
    });
  }
});
