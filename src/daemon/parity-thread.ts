/** The parity thread's program: gathers and checks on request, and remembers what it read in containers. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { ParityReport } from '../control/reports.ts';
import { messageOf } from '../errors.ts';
import { checkParity } from '../parity/check.ts';
import { ContainerMemory } from '../parity/collect/container-memory.ts';
import { productionProfile } from '../parity/collect/production-profile.ts';
import { problemLine } from '../parity/surroundings.ts';
import { homeportSide } from './homeport-side.ts';
import type { ParityAnswer, ParityRequest } from './parity-checker.ts';
import { gatherInputs } from './parity-inputs.ts';
import { couldNotCheck, parityReport } from './parity-report.ts';

/** Queries, and the names that follow Docker, come first on a busy host. */
const NICENESS = 10;

const memory = new ContainerMemory();

async function check({ config, server }: ParityRequest): Promise<ParityReport | null> {
  const { production: path } = config.parity;
  if (path === null) return null;
  const production = await productionProfile(path);
  if (production.profile === undefined) return couldNotCheck(production.problems.map(problemLine));
  const inputs = await gatherInputs(config, {
    production: production.profile,
    hasHost: true,
    // A server's own environment (RES_OPTIONS, LOCALDOMAIN) is not that of the programs it serves.
    environment: {},
    engines: config.engines,
    homeport: (containers) => homeportSide(config, server, containers),
    memory,
  });
  const problems = [...production.problems, ...inputs.problems];
  return parityReport(checkParity({ ...inputs, problems }));
}

/** Linux gives each thread a priority of its own (setpriority(2)); elsewhere all stay as they are. */
function yieldToOthers(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICENESS);
  } catch {
    // Not allowed here: the check only competes more.
  }
}

/** What fails here is a verdict; what fails beyond ends the thread, which the checker hears of. */
async function answer(request: ParityRequest): Promise<void> {
  const report = await check(request).catch((error: unknown) => couldNotCheck([messageOf(error)]));
  const message: ParityAnswer = { id: request.id, report };
  parentPort?.postMessage(message);
}

yieldToOthers();
parentPort?.on('message', (request: ParityRequest) => void answer(request));
