/** src/main.ts without top-level await, which the CommonJS of a single executable has not. */
import { basename } from 'node:path';
import { runCli } from '../../../src/cli/program.ts';
import { processTerminal } from '../../../src/cli/terminal.ts';

const words = process.argv.slice(2);
// Installed as `resolve` too, the executable is that command.
const command = basename(process.argv0) === 'resolve' ? ['resolve', ...words] : words;

void runCli(command, processTerminal(), async (options) => {
  const { runServer } = await import('../../../src/daemon/serve.ts');
  return await runServer(options);
}).then((code) => {
  process.exitCode = code;
});
