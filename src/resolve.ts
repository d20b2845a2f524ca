#!/usr/bin/env node
/** The program `resolve`: the same as `homeport resolve`. */
import { runCli } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

process.exitCode = await runCli(
  ['resolve', ...process.argv.slice(2)],
  processTerminal(),
  async () => 1,
);
