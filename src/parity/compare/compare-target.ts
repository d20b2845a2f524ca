/** Looks every expected name up on both sides, with every stub of a target. Pure. */

import { canonicalAddress } from '../../dns/address.ts';
import { parseHosts } from '../../resolv-conf/hosts-file.ts';
import type { Reading } from '../../resolv-conf/readings/reading.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { Owner } from '../answer.ts';
import { EMBEDDED_ADDRESS } from '../engine/embedded.ts';
import type { EmbeddedSettings } from '../engine/settings.ts';
import { measuredEngine } from '../engine/version.ts';
import type { AskedServer, Side, TargetContext } from '../findings/context.ts';
import type { ParityInputs } from '../inputs.ts';
import { createStub } from '../stubs/registry.ts';
import type { StubResolver } from '../stubs/stub.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Target } from '../target.ts';
import { answerHere, type HereContext } from './answers-here.ts';
import { type Comparison, compareLookups, type Lookup } from './comparison.ts';
import { embeddedSettings } from './embedded-settings.ts';
import { type HomeportContext, indexOwned } from './homeport.ts';
import { answerProduction, type ProductionContext } from './production.ts';
import { namespaceOf, serverRole } from './server-role.ts';
import { type Answers, simulate, situationOf } from './simulate.ts';
import { parseStub, readAs, simulatorOf } from './stub-name.ts';

/** A name for measuring waits; it exists nowhere. */
const WAITING_NAME = 'homeport-silent-server';

/** One check's state: what is computed once and shared by all targets. */
export class Comparer {
  readonly #inputs: ParityInputs;
  readonly #production: ProductionContext;
  readonly #homeport: Omit<HomeportContext, 'clientNetworks'>;
  readonly #productionLookups = new Map<string, Lookup>();
  readonly #comparisons = new Map<string, readonly Comparison[]>();
  /** look-ups simulated so far, for tests that count work */
  simulated = 0;

  constructor(inputs: ParityInputs, search: readonly string[]) {
    this.#inputs = inputs;
    const expected = new Set(inputs.expected);
    this.#production = { profile: inputs.production, expected, search };
    const { owned } = inputs.homeport;
    this.#homeport = {
      ...{ side: inputs.homeport, expected, search, domains: inputs.domains },
      owned: owned && indexOwned(owned),
    };
  }

  /** Compares one target. Never throws. */
  compare(target: Target, stubs: readonly string[]): TargetContext {
    const embedded = embeddedSettings(target, this.#inputs);
    const here: HereContext = {
      inputs: this.#inputs,
      namespace: namespaceOf(target),
      homeport: { ...this.#homeport, clientNetworks: networksOf(target) },
      production: this.#production,
      embedded: embedded && {
        engine: measuredEngine(target.container?.engineVersion ?? ''),
        settings: embedded,
        localNames: target.container?.neighbours ?? [],
      },
    };
    return {
      inputs: this.#inputs,
      target,
      stubs,
      namespace: here.namespace,
      production: sideOf(this.#inputs.production.surroundings, stubs),
      here: sideOf(target.surroundings, stubs),
      embedded,
      servers: askedServers(target, embedded, this.#inputs),
      comparisons: stubs.flatMap((stub) => this.#compareWith(stub, target, here)),
      worstSeconds: this.#worst(target, stubs),
    };
  }

  /** Targets whose files say the same share their look-ups: twenty containers of one image are one. */
  #compareWith(stub: string, target: Target, here: HereContext): readonly Comparison[] {
    const key = `${stub}\n${this.#keyOf(target, here)}`;
    const known = this.#comparisons.get(key);
    if (known !== undefined) return known;
    const resolve = this.#resolver(stub, target.surroundings, target.kind === 'host');
    const answers: Answers = (server, name, type) => answerHere(here, server, name, type);
    const comparisons = this.#inputs.expected.map((name): Comparison => {
      const production = this.#inProduction(stub, name);
      const found = this.#simulate(resolve, name, answers, (address) =>
        this.#ownerOfEntry(name, address),
      );
      const verdict = compareLookups(name, production.result, found.result);
      return { stub, name, production, here: found, ...verdict };
    });
    this.#comparisons.set(key, comparisons);
    return comparisons;
  }

  #inProduction(stub: string, name: string): Lookup {
    const key = `${stub}\n${name}`;
    const known = this.#productionLookups.get(key);
    if (known !== undefined) return known;
    const { surroundings } = this.#inputs.production;
    const resolve = this.#productionResolver(stub, surroundings);
    const answers: Answers = (server, asked, type) => ({
      answer: answerProduction({ name: asked, type }, this.#production, canonicalAddress(server)),
      delaySeconds: 0,
    });
    const owner: Owner = { kind: 'production', title: name };
    const lookup = this.#simulate(resolve, name, answers, () => owner);
    this.#productionLookups.set(key, lookup);
    return lookup;
  }

  readonly #productionResolvers = new Map<string, StubResolver | undefined>();

  #productionResolver(stub: string, surroundings: Surroundings): StubResolver | undefined {
    if (!this.#productionResolvers.has(stub)) {
      this.#productionResolvers.set(stub, this.#resolver(stub, surroundings, false));
    }
    return this.#productionResolvers.get(stub);
  }

  #resolver(stub: string, surroundings: Surroundings, isHost: boolean): StubResolver | undefined {
    const parsed = parseStub(stub);
    const simulator = parsed && simulatorOf(parsed);
    if (simulator === undefined) return undefined;
    const resolved = isHost ? this.#inputs.host.resolved?.settings : undefined;
    return createStub(simulator, situationOf(surroundings, resolved));
  }

  #simulate(
    resolve: StubResolver | undefined,
    name: string,
    answers: Answers,
    ownerOfEntry: (address: string) => Owner,
  ): Lookup {
    if (resolve === undefined) {
      return {
        questions: [],
        result: { kind: 'unknown', why: 'no such stub is simulated' },
        seconds: 0,
      };
    }
    this.simulated++;
    return simulate(resolve, name, answers, ownerOfEntry);
  }

  /** A hosts entry that holds the owner's own address is the owner, written down. */
  #ownerOfEntry(name: string, address: string): Owner {
    const own = this.#inputs.homeport.owned?.find(
      (owned) =>
        owned.name === name && owned.addresses.some((candidate) => candidate.address === address),
    );
    return own?.owner ?? { kind: 'other', title: `the hosts entry ${address}` };
  }

  #worst(target: Target, stubs: readonly string[]): ReadonlyMap<string, number> {
    if (this.#inputs.budgetSeconds === undefined) return new Map();
    const silent: Answers = () => ({ answer: { kind: 'silent' }, delaySeconds: 0 });
    return new Map(
      stubs.flatMap((stub): [string, number][] => {
        const resolve = this.#resolver(stub, target.surroundings, target.kind === 'host');
        const { seconds, result } = this.#simulate(resolve, WAITING_NAME, silent, () => nobody);
        return result.kind === 'unknown' ? [] : [[stub, seconds]];
      }),
    );
  }

  /** Everything of a target that its look-ups of the expected names rest on. */
  #keyOf(target: Target, here: HereContext): string {
    const { resolvConf, nsswitch, hosts, hostConf, hostname, environment, aliases, nssModules } =
      target.surroundings;
    const expected = this.#homeport.expected;
    const entries = parseHosts(hosts.text).entries.filter(({ names }) =>
      names.some((name) => expected.has(name.toLowerCase())),
    );
    const usesHostname = hostname.includes('.') || nssModules.includes('myhostname');
    return JSON.stringify([
      [resolvConf.text, nsswitch.text, hostConf.text, aliases?.text, environment, nssModules],
      entries.map(({ address, names }) => [address, names]),
      usesHostname ? hostname : '',
      target.kind === 'host',
      here.namespace,
      [...here.homeport.clientNetworks],
      here.embedded?.engine,
      here.embedded?.settings,
      here.embedded?.localNames.filter(({ name }) => expected.has(name.split('.')[0] ?? '')),
    ]);
  }
}

const nobody: Owner = { kind: 'other', title: 'nobody' };

function sideOf(surroundings: Surroundings, stubs: readonly string[]): Side {
  const { text } = surroundings.resolvConf;
  const conf = text === undefined ? undefined : parseResolvConf(text);
  const context = { hostname: surroundings.hostname, env: surroundings.environment };
  const readings = new Map<string, Reading>();
  for (const stub of stubs) {
    const parsed = parseStub(stub);
    if (parsed !== undefined) readings.set(stub, readAs(parsed, conf, context));
  }
  return { surroundings, conf, readings };
}

/** The servers that are asked, 127.0.0.11 replaced by whom it asks. */
function askedServers(
  target: Target,
  embedded: EmbeddedSettings | undefined,
  inputs: ParityInputs,
): readonly AskedServer[] {
  const { text } = target.surroundings.resolvConf;
  const listed = text === undefined ? [] : parseResolvConf(text).nameservers;
  const from = namespaceOf(target);
  // Without a nameserver line stubs ask 127.0.0.1 (resolv.conf(5)).
  const servers = listed.length > 0 ? listed : [{ address: '127.0.0.1', line: undefined }];
  return servers.flatMap(({ address, line }): readonly AskedServer[] =>
    address === EMBEDDED_ADDRESS && embedded !== undefined
      ? embedded.upstreams.map((upstream) => ({
          address: upstream.address,
          role: serverRole(upstream.address, upstream.from, inputs),
          line: undefined,
        }))
      : [{ address, role: serverRole(address, from, inputs), line }],
  );
}

function networksOf(target: Target): ReadonlySet<string> {
  return new Set(target.container?.networks.map(({ name }) => name) ?? []);
}
