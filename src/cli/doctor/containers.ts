/** Expected names, containers that do not ask homeport, and parity: what the parity check gathers, judged for 3 a.m. */
import type { Config } from '../../config/config.ts';
import { homeportSide, serverSide } from '../../daemon/homeport-side.ts';
import { gatherInputs } from '../../daemon/parity-inputs.ts';
import { checkParity } from '../../parity/check.ts';
import { productionProfile } from '../../parity/collect/production-profile.ts';
import { resolvedServers } from '../../parity/compare/answers-here.ts';
import { embeddedSettings } from '../../parity/compare/embedded-settings.ts';
import { namespaceOf, serverRole } from '../../parity/compare/server-role.ts';
import type { ParityInputs } from '../../parity/inputs.ts';
import { problemLine } from '../../parity/surroundings.ts';
import type { Target } from '../../parity/target.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import { type Diagnosis, fine, note, problem, skipped } from './diagnosis.ts';
import { living, ownAddresses, type Patient } from './patient.ts';

/** More are counted. */
const MAX_LISTED = 5;

export async function diagnoseContainers(patient: Patient): Promise<readonly Diagnosis[]> {
  const { inputs, hasProduction } = await gather(patient);
  if (inputs === null) {
    return [...expectedNames(patient, null), skipped('containers', 'no resolv.conf can be read')];
  }
  return [
    ...expectedNames(patient, inputs),
    ...reach(patient, inputs),
    ...parity(patient, inputs, hasProduction),
  ];
}

async function gather(patient: Patient): Promise<{
  readonly inputs: ParityInputs | null;
  readonly hasProduction: boolean;
}> {
  const { config } = patient;
  const { production } = config.parity;
  // Without production there is nothing to compare with; who asks whom can be seen all the same.
  const read = await productionProfile(production ?? config.resolvConf);
  if (read.profile === undefined) return { inputs: null, hasProduction: false };
  const inputs = await gatherInputs(config, {
    production: read.profile,
    hasHost: true,
    environment: process.env,
    engines: config.engines,
    homeport: (containers) => ({
      ...homeportSide(config, sideOf(patient, config), containers),
      addresses: ownAddresses(patient),
    }),
  });
  return { inputs, hasProduction: production !== null };
}

function sideOf(patient: Patient, config: Config): ReturnType<typeof serverSide> | undefined {
  const server = living(patient);
  return server === null ? undefined : serverSide(server.names, server.status, config);
}

function expectedNames(patient: Patient, inputs: ParityInputs | null): readonly Diagnosis[] {
  const about = 'expected';
  const { names: expected } = patient.config.expected;
  if (expected.length === 0) return [skipped(about, 'no expected names are configured')];
  const owned = inputs?.homeport.owned;
  const missing =
    living(patient)?.names.missing ??
    expected.filter((name) => owned?.some((own) => own.name === name) !== true);
  if (missing.length === 0) return [fine(about, `all ${expected.length} expected names are owned`)];
  const text = `${missing.length} of ${expected.length} expected names have no owner: ${listed(missing)}`;
  return [problem(about, text, `docker start ${missing.slice(0, MAX_LISTED).join(' ')}`)];
}

function listed(words: readonly string[]): string {
  const rest = words.length - MAX_LISTED;
  return `${words.slice(0, MAX_LISTED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function reach(patient: Patient, inputs: ParityInputs): readonly Diagnosis[] {
  const about = 'containers';
  // What is wrong with an engine has been said.
  const unread = inputs.problems
    .filter(({ thing }) => !thing.startsWith('engine '))
    .map((each) => note(about, problemLine(each)));
  const targets = inputs.targets.filter(
    ({ kind, container }) => kind === 'container' && container?.network !== 'none',
  );
  if (targets.length === 0) {
    const isUnheard = inputs.problems.some(({ thing }) => thing.startsWith('engine '));
    const text = isUnheard ? 'an engine that does not answer does not list them' : 'none runs';
    return [...unread, skipped(about, text)];
  }
  const judged = targets.map((target) => ({ target, asks: whomItAsks(target, inputs) }));
  const astray = judged.filter(({ asks }) => asks === 'others');
  const unknown = judged.filter(({ asks }) => asks === 'unknown');
  const notes = unknown.map(({ target }) =>
    skipped(about, `${target.title}: whom Docker's resolver asks for it cannot be told`),
  );
  if (astray.length === 0) {
    const count = judged.length - unknown.length;
    return [...unread, ...notes, fine(about, `${count} of ${judged.length} running ask homeport`)];
  }
  const titles = astray.map(({ target }) => target.title.replace(/^container /, ''));
  const text = `${astray.length} of ${judged.length} running do not ask homeport: ${listed(titles)}`;
  return [...unread, ...notes, problem(about, text, mendOf(titles, inputs, patient))];
}

/** A container keeps its resolv.conf until it is started again, whatever the engine is told meanwhile. */
function mendOf(titles: readonly string[], inputs: ParityInputs, patient: Patient): string {
  const restart = `docker restart ${titles.slice(0, MAX_LISTED).join(' ')}`;
  const daemonJson = inputs.host.daemonJson?.text ?? '';
  const isTold = ownAddresses(patient).some((address) => daemonJson.includes(`"${address}"`));
  return isTold ? restart : `homeport host install; ${restart}`;
}

function whomItAsks(target: Target, inputs: ParityInputs): 'homeport' | 'others' | 'unknown' {
  const { text } = target.surroundings.resolvConf;
  if (text === undefined) return 'unknown';
  const from = namespaceOf(target);
  const roles = parseResolvConf(text).nameservers.map(({ address }) =>
    serverRole(address, from, inputs),
  );
  if (roles.includes('homeport')) return 'homeport';
  if (roles.includes('resolved') && resolvedAsks(inputs)) return 'homeport';
  if (!roles.includes('embedded')) return 'others';
  const settings = embeddedSettings(target, inputs);
  if (settings === undefined) return 'unknown';
  const isOurs = settings.upstreams.some(({ address, from: place }) => {
    const role = serverRole(address, place, inputs);
    return role === 'homeport' || (role === 'resolved' && resolvedAsks(inputs));
  });
  return isOurs ? 'homeport' : 'others';
}

function resolvedAsks(inputs: ParityInputs): boolean {
  return resolvedServers(inputs.host.resolved?.uplinks ?? '').some(
    (uplink) => serverRole(uplink, 'host', inputs) === 'homeport',
  );
}

function parity(
  patient: Patient,
  inputs: ParityInputs,
  hasProduction: boolean,
): readonly Diagnosis[] {
  const about = 'parity';
  if (!hasProduction) {
    const mend = 'homeport parity capture, on a production host';
    return [skipped(about, 'no production profile is configured (parity: production:)', mend)];
  }
  const { verdict, counts, findings, problems } = checkParity(inputs);
  const file = patient.configFile === null ? '' : ` --config ${patient.configFile}`;
  const mend = `homeport parity${file}`;
  if (verdict === 'parity') return [fine(about, 'this host resolves names as production does')];
  const worst = findings[0];
  const first =
    worst === undefined
      ? problems[0] && problemLine(problems[0])
      : `${worst.target}: ${worst.message}`;
  const count = `${counts.error} errors, ${counts.warning} warnings`;
  const said = verdict === 'differences' ? 'names resolve otherwise than in production' : verdict;
  return [problem(about, `${said}: ${count}; first: ${first ?? 'none'}`, mend)];
}
