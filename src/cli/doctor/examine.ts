/** Examines host, configuration and server, one thing after the other, and tells what is wrong. */
import { existsSync } from 'node:fs';
import { findControl } from '../../config/find-control.ts';
import { configFileOf, loadConfig } from '../../config/load.ts';
import { ControlClient } from '../../control/client.ts';
import { HomeportError, messageOf } from '../../errors.ts';
import { CONFIG_FILE } from '../../host/addresses.ts';
import { readManifest } from '../../host/apply/manifest.ts';
import { collectSituation } from '../../host/collect/situation.ts';
import { type Machine, thisMachine } from '../../host/machine.ts';
import { EXIT } from '../exit-code.ts';
import { printable, type Terminal } from '../terminal.ts';
import { diagnoseContainers } from './containers.ts';
import { type Diagnosis, problem } from './diagnosis.ts';
import { diagnoseEngines } from './engines.ts';
import { askServer, type Patient } from './patient.ts';
import { diagnosePort } from './port.ts';
import { diagnoseResolvConf } from './resolv-conf.ts';
import { diagnoseServer } from './server.ts';
import { diagnoseUpstreams } from './upstreams.ts';

export interface DoctorFlags {
  readonly control?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** Looks at everything; exit code 0 where nothing is wrong, 1 where something is. */
export async function doctor(flags: DoctorFlags, terminal: Terminal): Promise<number> {
  const patient = await examine(flags, terminal);
  const all: Diagnosis[] = [];
  const tell = (diagnoses: readonly Diagnosis[]): void => {
    all.push(...diagnoses);
    if (flags.json === true) return;
    for (const diagnosis of diagnoses) terminal.out(lines(diagnosis, terminal));
  };
  tell(diagnoseServer(patient));
  for (const examination of EXAMINATIONS) tell(await careful(examination, patient));
  const problems = all.filter(({ outcome }) => outcome === 'problem').length;
  if (flags.json === true) {
    terminal.out(`${JSON.stringify({ healthy: problems === 0, checks: all }, null, 2)}\n`);
  } else {
    const { paint } = terminal;
    const count = `${problems} ${problems === 1 ? 'problem' : 'problems'}`;
    terminal.out(problems === 0 ? paint.green('nothing is wrong\n') : paint.red(`${count}\n`));
  }
  return problems === 0 ? EXIT.OK : EXIT.FAILED;
}

interface Examination {
  readonly about: string;
  readonly make: (patient: Patient) => readonly Diagnosis[] | Promise<readonly Diagnosis[]>;
}

/** In the order in which a question takes its way: what comes first explains what comes after. */
const EXAMINATIONS: readonly Examination[] = [
  { about: 'engine', make: diagnoseEngines },
  { about: 'port 53', make: diagnosePort },
  { about: 'resolv.conf', make: diagnoseResolvConf },
  { about: 'upstream', make: diagnoseUpstreams },
  { about: 'containers', make: diagnoseContainers },
];

/** What one examination dies of must not hide what the others find. */
async function careful(
  { about, make }: Examination,
  patient: Patient,
): Promise<readonly Diagnosis[]> {
  try {
    return await make(patient);
  } catch (error) {
    return [problem(about, `this could not be looked at: ${messageOf(error)}`, null)];
  }
}

async function examine(flags: DoctorFlags, terminal: Terminal): Promise<Patient> {
  const machine = thisMachine();
  const { env } = terminal;
  const named = configFileOf({
    ...(flags.config === undefined ? {} : { file: flags.config }),
    env,
  });
  const file = named ?? (existsSync(machine.at(CONFIG_FILE)) ? CONFIG_FILE : null);
  const loaded = loadConfig({ file, env });
  const server = await askServer(clientFor(flags, file, terminal));
  const situation = await collectSituation(machine, []);
  const isInstalled = hasManifest(machine);
  if ('config' in loaded) {
    const { config } = loaded;
    return {
      machine,
      situation,
      isInstalled,
      config,
      configProblems: [],
      configFile: file,
      server,
    };
  }
  const defaults = loadConfig({ file: null, env: {} });
  if (!('config' in defaults)) throw new HomeportError('CONFIG_INVALID', 'the defaults are wrong');
  const { config } = defaults;
  const { problems: configProblems } = loaded;
  return { machine, situation, isInstalled, config, configProblems, configFile: file, server };
}

/** A configuration that cannot be read names no socket: then the default places are tried. */
function clientFor(flags: DoctorFlags, file: string | null, { env }: Terminal): ControlClient {
  const control = flags.control === undefined ? {} : { control: flags.control };
  const found = findControl({ ...control, ...(file === null ? {} : { file }), env });
  if ('paths' in found) return new ControlClient(found.paths);
  const otherwise = findControl({ ...control, env: { ...env, HOMEPORT_CONFIG: undefined } });
  return new ControlClient('paths' in otherwise ? otherwise.paths : []);
}

/** A manifest that cannot be read is one, too. */
function hasManifest(machine: Machine): boolean {
  try {
    return readManifest(machine) !== null;
  } catch {
    return true;
  }
}

function lines({ about, outcome, text, mend }: Diagnosis, { paint }: Terminal): string {
  const mark = {
    ok: paint.green('ok     '),
    problem: paint.red('PROBLEM'),
    note: paint.yellow('note   '),
    skipped: paint.dim('skipped'),
  }[outcome];
  const first = `${mark} ${about}: ${printable(text)}\n`;
  return mend === null ? first : `${first}        ${paint.bold('→')} ${printable(mend)}\n`;
}
