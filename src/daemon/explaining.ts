/** The whole decision on a question, for `resolve`, `explain` and the control socket. Pure but for what it is given. */
import type { Config } from '../config/config.ts';
import type {
  ClientReport,
  ExplainQuery,
  ExplainReport,
  ExplainStep,
  Verdict,
} from '../control/reports.ts';
import { addressBytes, contains, parseSubnet } from '../dns/address.ts';
import { explainName } from '../names/explain.ts';
import type { Explanation } from '../names/explanation.ts';
import type { ReverseEntry } from '../names/reverse-names.ts';
import type { DecisionSettings, NameEntry, View } from '../names/zone-delta.ts';
import type { UpstreamGroup } from '../resolve/settings.ts';
import { reverseVerdict } from './explaining-reverse.ts';
import { nameProper } from './name-proper.ts';

/** Everything that a decision depends on, as it is now. */
export interface World {
  readonly config: Config;
  readonly settings: DecisionSettings;
  readonly upstreams: readonly UpstreamGroup[];
  readonly nowMs: number;
  entryOf(name: string): NameEntry | null;
  reverseOf(address: string): ReverseEntry | undefined;
  viewOf(address: string): View;
  /** When the lease of a name ends, ISO 8601; null: there is none. */
  leaseEndOf(name: string): string | null;
  /** Why an engine's owners are stale, or null. */
  staleOf(engine: string): string | null;
}

const LOCALHOST = '127.0.0.1';
/** What stands before the name in a question for a service (RFC 2782). */
const SERVICE_PREFIX = /^_[^.]+\._(?:tcp|udp)\./;

/** Explains what a client is told. */
export function explainQuestion(
  { name: typed, from, type }: ExplainQuery,
  world: World,
): ExplainReport {
  const { config } = world;
  const address = from ?? LOCALHOST;
  const view = world.viewOf(address);
  const asked = typed.toLowerCase().replace(/\.$/, '');
  const service = type === 'SRV' ? (SERVICE_PREFIX.exec(asked)?.[0] ?? '') : '';
  const expected = new Set(config.expected.names);
  const isKnown = (name: string) => world.entryOf(name) !== null || expected.has(name);
  const proper = nameProper(
    asked.slice(service.length),
    [...config.searchDomains, ...config.localDomains],
    isKnown,
  );
  const explanation = explainName(proper.name, world.entryOf(proper.name), view, world.settings);
  const steps: ExplainStep[] = [];
  if (proper.suffix !== '')
    steps.push({ kind: 'note', text: `"${asked}" is "${proper.name}" under ${proper.suffix}` });
  const verdict = verdictOf(
    explanation,
    { asked, type, proper: proper.name, isExpected: expected.has(proper.name), address, view },
    world,
  );
  // Nobody claims a reverse name, and yet it has an owner: only who asks is to be said.
  const isReverse = verdict.kind === 'owned' && explanation.decision.kind === 'none';
  const explained = isReverse ? explanation.steps.slice(0, 1) : explanation.steps;
  steps.push(...explained.map((text): ExplainStep => ({ kind: 'note', text })));
  const leasedUntil = world.leaseEndOf(proper.name);
  if (leasedUntil !== null) steps.push({ kind: 'note', text: `the lease ends at ${leasedUntil}` });
  steps.push(...verdictSteps(verdict, explanation));
  return { name: asked, type, client: clientOf(address, explanation), verdict, steps };
}

interface Asked {
  readonly asked: string;
  readonly type: string;
  readonly proper: string;
  readonly isExpected: boolean;
  readonly address: string;
  readonly view: View;
}

function verdictOf(explanation: Explanation, asked: Asked, world: World): Verdict {
  if (!isAllowed(asked.address, asked.view, world.config)) {
    return {
      kind: 'notAllowed',
      reason: `${asked.address} is not in the list of who may ask (allow)`,
    };
  }
  const { decision } = explanation;
  switch (decision.kind) {
    case 'addresses':
    case 'cname':
      return ownedVerdict(explanation, world);
    case 'unreachable':
      return { kind: 'unreachable', owner: decision.owner ?? '', reason: decision.reason ?? '' };
    case 'refused':
      return { kind: 'refused', reason: decision.reason ?? '' };
    case 'none':
      return unownedVerdict(explanation, asked, world);
  }
}

function ownedVerdict({ groups, decision }: Explanation, world: World): Verdict {
  const group = groups.find(({ answers }) => answers);
  const given =
    group?.members.flatMap(({ addresses }) => addresses.filter((address) => address.given)) ?? [];
  const stale = world.staleOf(group?.engine ?? '');
  return {
    kind: 'owned',
    owner: decision.owner ?? '',
    ready: group?.ready ?? false,
    ownerKind: group?.kind ?? 'container',
    engine: group?.engine ?? '',
    project: group?.project ?? null,
    source: group?.source ?? '',
    addresses: given.map(({ address, network }) => ({ address, network })),
    cname: decision.target,
    ttlSeconds: decision.ttlSeconds ?? 0,
    note: [decision.reason, stale].filter((part) => part !== null).join('; ') || null,
  };
}

function unownedVerdict({ departed }: Explanation, asked: Asked, world: World): Verdict {
  const { config } = world;
  const isGuarded = asked.isExpected || departed !== null;
  if (isGuarded && config.expected.whenMissing === 'refuse') {
    const reason = asked.isExpected
      ? `${asked.proper} must run on this host, and no container owns the name: start it`
      : `${asked.proper} was owned by ${departed?.owner ?? 'a container'}, which is gone; until ${departed?.until} it is not looked up elsewhere`;
    return { kind: 'refused', reason };
  }
  const special = specialReason(asked.asked);
  if (special !== null) return { kind: 'nonexistent', reason: special };
  const reverse = reverseVerdict(asked.asked, asked.type, {
    settings: world.settings,
    region: config.searchDomains[0],
    reverseOf: (address) => world.reverseOf(address),
  });
  if (reverse !== undefined) return reverse;
  const isBare = asked.asked !== '' && !asked.asked.includes('.');
  if (isBare && config.searchDomains.length === 0) {
    return {
      kind: 'nonexistent',
      reason: 'no container owns this name, and no region is configured to look it up in',
    };
  }
  const asks = isBare
    ? config.searchDomains.map((domain) => `${asked.asked}.${domain}`)
    : [asked.asked || '.'];
  return {
    kind: 'forwarded',
    asks,
    upstreams: upstreamsFor(asks[0] ?? '.', world.upstreams),
    isLeak: isGuarded,
  };
}

function specialReason(asked: string): string | null {
  const last = asked.split('.').at(-1);
  if (last === 'invalid' || last === 'onion') return `names under ${last} exist nowhere`;
  return last === 'localhost' ? 'localhost is this host itself: 127.0.0.1 and ::1' : null;
}

function upstreamsFor(name: string, groups: readonly UpstreamGroup[]): readonly string[] {
  const matching = groups.filter(
    ({ domain }) => domain === '' || name === domain || name.endsWith(`.${domain}`),
  );
  const longest = [...matching].sort((one, other) => other.domain.length - one.domain.length)[0];
  return (longest?.servers ?? []).map(({ address, port, tlsName }) =>
    tlsName === null ? `${address}:${port}` : `tls://${address}:${port}#${tlsName}`,
  );
}

function isAllowed(address: string, view: View, config: Config): boolean {
  const bytes = addressBytes(address);
  if (bytes === undefined) return false;
  // A container view comes from the engines' own subnets, which is what `engine-networks` allows.
  if (config.allow.engineNetworks && view.kind === 'container') return true;
  return config.allow.cidrs.some((cidr) => contains(parseSubnet(cidr), bytes));
}

function clientOf(address: string, { client }: Explanation): ClientReport {
  const { kind: view, container: title, project, networks } = client;
  return { address, view, title, project, networks };
}

function verdictSteps(verdict: Verdict, { remedy }: Explanation): ExplainStep[] {
  switch (verdict.kind) {
    case 'unreachable':
      return remedy === null ? [] : [{ kind: 'note', text: `what would mend it: ${remedy}` }];
    case 'refused':
    case 'nonexistent':
    case 'notAllowed':
      return [{ kind: 'chosen', text: verdict.reason }];
    case 'forwarded':
      return [
        {
          kind: 'chosen',
          text: `asked of ${verdict.upstreams.join(', ') || 'no upstream, as there is none'} as ${verdict.asks.join(', then ')}`,
        },
      ];
    case 'owned':
      return [];
  }
}
