/** `npm run vectors -- FILE...`: replays recorded cases in the simulators and says which differ. */
import { readFileSync } from 'node:fs';
import { messageOf } from '../../errors.ts';
import { runVectors } from './run.ts';

const files = process.argv.slice(2).map((path) => {
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (thrown) {
    return { path, error: messageOf(thrown) };
  }
});

const { lines, exitCode } = runVectors(files);
process.stdout.write(lines.map((line) => `${line}\n`).join(''));
process.exitCode = exitCode;
