/** What every `homeport host` command begins with: this machine, its situation, homeport's settings, the plan. */
import { existsSync, realpathSync } from 'node:fs';
import { isSea } from 'node:sea';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { printProblem } from '../config/problem.ts';
import { HomeportError } from '../errors.ts';
import { CONFIG_FILE } from '../host/addresses.ts';
import { type Manifest, readManifest } from '../host/apply/manifest.ts';
import { originalSituation } from '../host/collect/original-situation.ts';
import { collectSituation } from '../host/collect/situation.ts';
import { type Machine, thisMachine } from '../host/machine.ts';
import { buildPlan } from '../host/plan/build-plan.ts';
import type { HostSettings, Plan } from '../host/plan/change.ts';
import { type Decision, decide } from '../host/plan/decide.ts';
import { shippedUnits } from '../host/shipped.ts';
import type { Situation } from '../host/situation.ts';

export interface PlanFlags {
  readonly config?: string;
  readonly region?: string;
  readonly nscdHosts?: boolean;
  readonly json?: boolean;
  /** Only of `plan`. */
  readonly full?: boolean;
}

export interface HostContext {
  readonly machine: Machine;
  /** null: homeport is not installed here. */
  readonly manifest: Manifest | null;
  /** The host without homeport. */
  readonly situation: Situation;
  readonly settings: HostSettings;
  readonly decision: Decision;
  readonly plan: Plan;
}

const DNS_PORT = 53;

/**
 * Looks at everything and plans.
 *
 * @throws HomeportError CONFIG_INVALID, STATE_UNREADABLE, USAGE
 */
export async function hostContext(flags: PlanFlags): Promise<HostContext> {
  const machine = thisMachine();
  const manifest = readManifest(machine);
  const settings = settingsFor(flags, manifest);
  const found = await collectSituation(machine, programWords());
  const situation = originalSituation(found, manifest?.situation ?? null);
  return {
    machine,
    manifest,
    situation,
    settings,
    decision: decide(situation, settings.searchDomains),
    plan: buildPlan(situation, settings, shippedUnits()),
  };
}

function settingsFor(flags: PlanFlags, manifest: Manifest | null): HostSettings {
  const configFile = flags.config ?? manifest?.settings.configFile ?? CONFIG_FILE;
  const stopsNscdHosts = flags.nscdHosts === false || manifest?.settings.stopsNscdHosts === true;
  // A file that an install has written is the operator's from then on, and taken back if it is still as written.
  const written = manifest?.settings.configText ?? null;
  if (!existsSync(configFile)) return withoutConfig(flags, configFile, stopsNscdHosts, written);
  const config = loadHostConfig(configFile);
  const regionFlag = regionBeside(config, flags, manifest);
  const { servers } = config.upstreams;
  return {
    configFile,
    configText: written,
    searchDomains: regionFlag === null ? config.searchDomains : [regionFlag],
    regionFlag,
    hasUpstreams: servers.length > 0,
    upstreamAddresses: servers
      .filter(({ port, tlsName }) => port === DNS_PORT && tlsName === null)
      .map(({ address }) => address),
    stopsNscdHosts,
  };
}

/** The region of the flag, now or at the first install, where the file has none. */
function regionBeside(config: Config, flags: PlanFlags, manifest: Manifest | null): string | null {
  const [own] = config.searchDomains;
  if (own === undefined) return flags.region ?? manifest?.settings.regionFlag ?? null;
  if (flags.region === undefined || flags.region === own) return null;
  throw new HomeportError(
    'USAGE',
    `--region ${flags.region}: ${config.file} says ${own}; change it there`,
  );
}

function withoutConfig(
  { region }: PlanFlags,
  configFile: string,
  stopsNscdHosts: boolean,
  written: string | null,
): HostSettings {
  if (region === undefined && written === null) {
    throw new HomeportError(
      'CONFIG_UNREADABLE',
      `there is no ${configFile}; write one, or let the install do it: --region us-east-1.domain.com`,
    );
  }
  const text =
    region === undefined ? written : `# See \`homeport config schema\`.\nregion: ${region}\n`;
  const searchDomains = /^region: (.+)$/m.exec(text ?? '')?.[1];
  return {
    configFile,
    configText: text,
    searchDomains: searchDomains === undefined ? [] : [searchDomains],
    regionFlag: null,
    hasUpstreams: false,
    upstreamAddresses: [],
    stopsNscdHosts,
  };
}

/**
 * The configuration that homeport has on this host.
 *
 * @throws HomeportError CONFIG_INVALID with every problem
 */
export function loadHostConfig(file: string): Config {
  const loaded = loadConfig({ file });
  if ('config' in loaded) return loaded.config;
  throw new HomeportError('CONFIG_INVALID', loaded.problems.map(printProblem).join('\n'));
}

/** The words that start this very program again. */
function programWords(): readonly string[] {
  if (isSea()) return [realpathSync(process.execPath)];
  const script = process.argv[1] ?? '';
  return [
    realpathSync(process.execPath),
    ...process.execArgv,
    existsSync(script) ? realpathSync(script) : script,
  ];
}
