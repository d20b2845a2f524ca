#!/usr/bin/env node
/** The program `homeport`. */
import { runCli } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

process.exitCode = await runCli(process.argv.slice(2), processTerminal(), async (options) => {
  // Only `serve` waits for the engine's client and the native module to load.
  const { runServer } = await import('./daemon/serve.ts');
  return await runServer(options);
});
