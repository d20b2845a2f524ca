/** Whether the servers that homeport forwards to live, how fast they are, and that none of them asks homeport back. */
import { readFileSync } from 'node:fs';
import { parseUpstream, type UpstreamAddress } from '../../config/endpoint.ts';
import { chooseUpstreams, isResolvedStub, UpstreamNumbers } from '../../daemon/upstream-list.ts';
import { addressBytes, reverseName } from '../../dns/address.ts';
import { RCODE, rcodeName, TYPE } from '../../dns/codes.ts';
import { parseName } from '../../dns/name.ts';
import { RESOLVED_UPLINK_FILE } from '../../host/addresses.ts';
import type { Machine } from '../../host/machine.ts';
import { parseResolvConf, type ResolvConf } from '../../resolv-conf/resolv-conf.ts';
import { addressWithPort } from '../address-text.ts';
import { type Asked, ask } from '../ask.ts';
import { textReply } from '../reply-text.ts';
import { type Diagnosis, fine, note, problem, skipped } from './diagnosis.ts';
import { living, ownAddresses, type Patient } from './patient.ts';

const ABOUT = 'upstream';
const LOOP = 'loop';
const TIMES = { timeoutMs: 2_000, attempts: 2 } as const;
/** An answer that takes longer is felt by whoever waits for it. */
const SLOW_MS = 500;

export async function diagnoseUpstreams(patient: Patient): Promise<readonly Diagnosis[]> {
  const { servers, ourselves } = upstreamsOf(patient);
  const loops = ourselves.map((address) =>
    problem(LOOP, `${address} is homeport itself, and is left out`, whereUpstreamsAre(patient)),
  );
  if (servers.length === 0) {
    const text = 'homeport knows nobody to forward to';
    return [...loops, problem(ABOUT, text, whereUpstreamsAre(patient))];
  }
  const diagnoses = await Promise.all(servers.map((server) => askOne(server, patient)));
  return [...loops, ...(await probeLoop(patient, servers)), ...diagnoses];
}

function whereUpstreamsAre({ config, configFile }: Patient): string {
  const file = configFile ?? 'the configuration';
  return config.upstreams.servers.length > 0
    ? `change upstreams: in ${file}`
    : `set upstreams: in ${file}, or mend ${config.resolvConf}`;
}

interface Chosen {
  readonly servers: readonly UpstreamAddress[];
  readonly ourselves: readonly string[];
}

/** As the running server has chosen them, else as it would. */
function upstreamsOf(patient: Patient): Chosen {
  const server = living(patient);
  const own = new Set(ownAddresses(patient));
  if (server !== null) {
    const servers = server.status.upstreams.flatMap(({ server: text }) => {
      const parsed = parseUpstream(text);
      return 'value' in parsed ? [parsed.value] : [];
    });
    return { servers, ourselves: [] };
  }
  const { config, machine } = patient;
  const conf = readResolvConf(machine, config.resolvConf);
  const stub = conf !== null && isResolvedStub(conf);
  const { groups, ourselves } = chooseUpstreams(
    config.upstreams,
    stub ? readResolvConf(machine, RESOLVED_UPLINK_FILE) : conf,
    (address, port) => port === 53 && own.has(address),
    new UpstreamNumbers(),
  );
  return { servers: groups.flatMap(({ servers }) => servers), ourselves };
}

function readResolvConf(machine: Machine, path: string): ResolvConf | null {
  try {
    return parseResolvConf(readFileSync(machine.at(path), 'utf8'));
  } catch {
    return null;
  }
}

/** Any answer shows life: which name is asked makes no difference, and the root is nobody's secret. */
async function askOne(server: UpstreamAddress, patient: Patient): Promise<Diagnosis> {
  const where = addressWithPort(server.address, server.port);
  if (server.tlsName !== null) return overTls(where, server.tlsName, patient);
  const first = await askTimed(server);
  // One that had to ask others first is fast the second time.
  const { asked, ms } = first.ms > SLOW_MS ? await askTimed(server) : first;
  const mend = `dig @${server.address} -p ${server.port} NS .`;
  if (asked.kind === 'silent') return problem(ABOUT, `${where}: ${asked.reason}`, mend);
  const { rcode } = asked.reply;
  if (rcode === RCODE.REFUSED || rcode === RCODE.SERVFAIL) {
    return problem(ABOUT, `${where} answers ${rcodeName(rcode)}, after ${ms} ms`, mend);
  }
  return ms > SLOW_MS
    ? note(ABOUT, `${where} answers, but only after ${ms} ms`, mend)
    : fine(ABOUT, `${where} answers after ${ms} ms`);
}

async function askTimed(
  server: UpstreamAddress,
): Promise<{ readonly asked: Asked; readonly ms: number }> {
  const begun = performance.now();
  const asked = await ask(server, parseName('.'), TYPE.NS, TIMES);
  return { asked, ms: Math.round(performance.now() - begun) };
}

function overTls(where: string, name: string, patient: Patient): Diagnosis {
  const known = living(patient)?.status.upstreams.find(({ server }) => server.includes(where));
  const mend = `openssl s_client -connect ${where} -servername ${name}`;
  if (known === undefined)
    return skipped(ABOUT, `tls://${where} is only tried by the server`, mend);
  return known.isUp
    ? fine(ABOUT, `tls://${where} answers the server`)
    : problem(ABOUT, `tls://${where} does not answer the server`, mend);
}

/**
 * Asks each upstream what only homeport knows: the name behind a container's address. No name of a
 * container leaves the host by that, and an upstream that knows it has asked homeport.
 */
async function probeLoop(
  patient: Patient,
  servers: readonly UpstreamAddress[],
): Promise<readonly Diagnosis[]> {
  const owned = (living(patient)?.names.names ?? []).flatMap(({ name, groups }) =>
    groups.flatMap(({ kind, addresses }) =>
      kind === 'container' ? addresses.map(({ address }) => ({ name, address })) : [],
    ),
  );
  const first = owned.find(({ address }) => !address.startsWith('127.'));
  const bytes = first === undefined ? undefined : addressBytes(first.address);
  if (first === undefined || bytes === undefined) {
    return [skipped(LOOP, 'no container has an address by which a loop would show')];
  }
  const names = new Set(
    owned.filter(({ address }) => address === first.address).map((at) => at.name),
  );
  const found: Diagnosis[] = [];
  for (const server of servers.filter(({ tlsName }) => tlsName === null)) {
    const asked = await ask(server, reverseName(bytes), TYPE.PTR, TIMES);
    if (asked.kind === 'silent') continue;
    const told = textReply(asked.reply).answers.map(({ data }) => data.split('.')[0] ?? '');
    if (!told.some((name) => names.has(name))) continue;
    const where = addressWithPort(server.address, server.port);
    const text = `${where} asks homeport back: it knows who ${first.address} is`;
    found.push(problem(LOOP, text, whereUpstreamsAre(patient)));
  }
  return found.length > 0 ? found : [fine(LOOP, 'no upstream asks homeport back')];
}
