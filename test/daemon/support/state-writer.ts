/** Writes a state file again and again, and says on stdout which one is on disk, until it is killed. */
import { writeSync } from 'node:fs';
import { writeState } from '../../../src/daemon/state-file.ts';

const [path = ''] = process.argv.slice(2);
for (let sequence = 1; ; sequence++) {
  await writeState(path, { sequence, filling: 'x'.repeat(sequence * 1_000) });
  writeSync(1, `${sequence}\n`);
}
