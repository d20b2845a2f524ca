/** `homeport host verify`. */
import { HomeportError } from '../errors.ts';
import { CONFIG_FILE } from '../host/addresses.ts';
import { readManifest } from '../host/apply/manifest.ts';
import { thisMachine } from '../host/machine.ts';
import type { Check } from '../host/verify/check.ts';
import { verify } from '../host/verify/verify.ts';
import { EXIT } from './exit-code.ts';
import { loadHostConfig } from './host-context.ts';
import { alone } from './host-lock.ts';
import { printable, type Terminal } from './terminal.ts';

export interface VerifyFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly world: string;
  readonly stop: boolean;
}

/** Names asked while homeport is down; more only take longer. */
const MAX_EXPECTED = 3;

/** Makes the checks; exit code 0 where all pass, 1 where one fails, 2 where one could not be made. */
export async function hostVerify(flags: VerifyFlags, terminal: Terminal): Promise<number> {
  const machine = thisMachine();
  const manifest = readManifest(machine);
  if (manifest === null) {
    throw new HomeportError(
      'HOST_REFUSED',
      'homeport is not installed on this host; run `homeport host install` first',
    );
  }
  if (process.getuid?.() !== 0) {
    throw new HomeportError(
      'HOST_REFUSED',
      'only root may start containers and stop homeport; run it with sudo',
    );
  }
  const config = loadHostConfig(flags.config ?? manifest.settings.configFile ?? CONFIG_FILE);
  const settings = {
    searchDomains: config.searchDomains,
    expected: config.expected.names.slice(0, MAX_EXPECTED),
    worldName: flags.world,
    stopsHomeport: flags.stop,
  };
  const tell = (check: Check): void => {
    if (flags.json !== true) terminal.out(checkLine(check, terminal));
  };
  const checks = await alone(() => verify(machine, settings, tell));
  if (flags.json === true) terminal.out(`${JSON.stringify({ checks }, null, 2)}\n`);
  if (checks.some(({ outcome }) => outcome === 'fail')) return EXIT.FAILED;
  return checks.some(({ outcome }) => outcome === 'skipped') ? EXIT.NOT_FOUND : EXIT.OK;
}

function checkLine({ outcome, claim, detail, ms }: Check, { paint }: Terminal): string {
  const mark = {
    pass: paint.green('ok     '),
    fail: paint.red('FAILED '),
    skipped: paint.yellow('skipped'),
  }[outcome];
  const time =
    ms === null
      ? ''
      : paint.dim(` ${ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`}`);
  return `${mark} ${printable(claim)}: ${printable(detail)}${time}\n`;
}
