/** One recorded lookup of stub-resolvers.jsonl, checked field by field. */
import { parseHosts } from '../../resolv-conf/hosts-file.ts';
import { parseNsswitch } from '../../resolv-conf/nsswitch.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { Family, Lookup, Situation } from '../stubs/stub.ts';

/** A query on the recorded wire: server, transport, seconds since the first, OPT size or null, AD bit. */
export type RecordedWire = readonly [string, string, number, number | null, number];

/** What a program got: addresses, or an error as its resolver spells it. */
export type RecordedResult = readonly string[] | string;

export interface StubCase {
  readonly id: string;
  readonly resolver: string;
  readonly also: readonly string[];
  readonly via: string | undefined;
  readonly lookup: Lookup;
  readonly situation: Situation;
  /** the file half-way between two lookups of one process, and the seconds between them */
  readonly later: { readonly situation: Situation; readonly afterMs: number } | undefined;
  readonly zone: Readonly<Record<string, unknown>>;
  readonly queries: readonly (readonly [name: string, type: string])[];
  readonly isExact: boolean;
  readonly wire: readonly RecordedWire[] | undefined;
  readonly elapsedMs: number | undefined;
  /** one result, or two for a process that asks twice */
  readonly results: readonly RecordedResult[];
}

/** The recorder's namespaces: loopback only, with routes over it to the networks that the answers are in. */
const recorderHostname = 'ci-host';
const recorderHosts = '127.0.0.1 localhost\n';

/** A row as far as it could be read, or why not: one sentence. */
export type ParsedCase =
  | { readonly kind: 'case'; readonly case: StubCase }
  | { readonly kind: 'bad'; readonly reason: string };

/** Reads one row (already JSON). Never throws. */
export function parseStubCase(row: Readonly<Record<string, unknown>>): ParsedCase {
  const reader = new Reader(row);
  const family = reader.oneOf('family', ['unspec', 'inet', 'inet6'] as const) ?? 'unspec';
  const env = reader.textMap('env');
  const resolvConf = reader.optionalText('resolv_conf');
  const situation = readSituation(reader, env, resolvConf);
  const twice = env.SEM_TWICE;
  const laterText = reader.optionalText('resolv_conf_later');
  const read: StubCase = {
    id: reader.text('id'),
    resolver: reader.text('resolver'),
    also: reader.texts('also'),
    via: reader.optionalText('via'),
    lookup: readLookup(reader, family),
    situation,
    later:
      twice === undefined
        ? undefined
        : {
            afterMs: Number(twice) * 1000,
            situation: {
              ...situation,
              resolvConf: laterText === undefined ? undefined : parseResolvConf(laterText),
            },
          },
    zone: reader.record('zone'),
    queries: reader.pairs('queries'),
    isExact: (reader.optionalText('order') ?? 'exact') === 'exact',
    wire: reader.wire('wire'),
    elapsedMs: reader.optionalNumber('elapsed_s', 1000),
    results: reader.results('result', twice !== undefined),
  };
  const [problem] = reader.problems;
  return problem === undefined ? { kind: 'case', case: read } : { kind: 'bad', reason: problem };
}

function readLookup(reader: Reader, family: Family): Lookup {
  const api = reader.optionalText('api');
  const flags = reader.texts('flags');
  return {
    name: reader.text('name'),
    family,
    ...(api === undefined ? {} : { api }),
    ...(flags.length === 0 ? {} : { flags }),
  };
}

function readSituation(
  reader: Reader,
  env: Readonly<Record<string, string>>,
  resolvConf: string | undefined,
): Situation {
  const avahi = reader.optionalText('avahi');
  const resolvedConf = reader.optionalText('resolved_conf');
  const modules = reader.optionalText('nss_modules') ?? '';
  const isRunningResolved = resolvedConf !== undefined;
  return {
    resolvConf: resolvConf === undefined ? undefined : parseResolvConf(resolvConf),
    nsswitch: parseNsswitch(reader.optionalText('nsswitch')),
    hosts: parseHosts(reader.optionalText('hosts') ?? recorderHosts),
    hostname: reader.optionalText('hostname') ?? recorderHostname,
    env,
    files: reader.textMap('files'),
    nssModules: new Set([
      ...modules.split(/[\s,]+|and|installed/).filter((word) => word !== ''),
      ...(isRunningResolved ? ['resolve'] : []),
    ]),
    ...(avahi === undefined ? {} : { avahi }),
    ...(resolvedConf === undefined ? {} : { resolvedConf }),
    isReachable: (address) => /^(127\.|192\.0\.2\.|::1$|2001:db8:)/.test(address),
    sourceOf: (address) => (address.includes(':') ? '::1' : '127.0.0.1'),
    configured: { inet: false, inet6: false },
  };
}

/** Reads fields and collects what is wrong with them, so that a bad row gets one clear line. */
class Reader {
  readonly problems: string[] = [];
  readonly #row: Readonly<Record<string, unknown>>;

  constructor(row: Readonly<Record<string, unknown>>) {
    this.#row = row;
  }

  text(field: string): string {
    const value = this.#row[field];
    if (typeof value === 'string') return value;
    return this.#wrong(field, 'a string', '');
  }

  optionalText(field: string): string | undefined {
    const value = this.#row[field];
    if (value === undefined || value === null || typeof value === 'string') {
      return value ?? undefined;
    }
    return this.#wrong(field, 'a string', undefined);
  }

  optionalNumber(field: string, factor: number): number | undefined {
    const value = this.#row[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'number') return Math.round(value * factor);
    return this.#wrong(field, 'a number', undefined);
  }

  oneOf<T extends string>(field: string, known: readonly T[]): T | undefined {
    const value = this.#row[field];
    const found = known.find((one) => one === value);
    return found ?? this.#wrong(field, known.join(', '), undefined);
  }

  texts(field: string): readonly string[] {
    const value = this.#row[field] ?? [];
    if (isTexts(value)) return value;
    return this.#wrong(field, 'a list of strings', []);
  }

  record(field: string): Readonly<Record<string, unknown>> {
    const value = this.#row[field] ?? {};
    return isRecord(value) ? value : this.#wrong(field, 'an object', {});
  }

  textMap(field: string): Readonly<Record<string, string>> {
    const texts: Record<string, string> = {};
    for (const [key, value] of Object.entries(this.record(field))) {
      if (typeof value === 'string') texts[key] = value;
      else this.#wrong(field, 'strings only', undefined);
    }
    return texts;
  }

  pairs(field: string): readonly (readonly [string, string])[] {
    const value = this.#row[field];
    if (!Array.isArray(value)) return this.#wrong(field, 'a list of [name, type]', []);
    return value.flatMap((pair: unknown): (readonly [string, string])[] => {
      if (isTexts(pair) && pair[0] !== undefined && pair[1] !== undefined) {
        return [[pair[0], pair[1]]];
      }
      return this.#wrong(field, 'a list of [name, type]', []);
    });
  }

  wire(field: string): readonly RecordedWire[] | undefined {
    const value = this.#row[field];
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) return this.#wrong(field, 'a list', undefined);
    return value.flatMap((entry: unknown): RecordedWire[] =>
      isWire(entry) ? [entry] : this.#wrong(field, '[server, transport, seconds, OPT, AD]', []),
    );
  }

  results(field: string, isTwice: boolean): readonly RecordedResult[] {
    const value = this.#row[field];
    const results: readonly unknown[] = isTwice && Array.isArray(value) ? value : [value];
    return results.flatMap((result): RecordedResult[] =>
      typeof result === 'string' || isTexts(result)
        ? [result]
        : this.#wrong(field, 'addresses or an error', []),
    );
  }

  #wrong<T>(field: string, wanted: string, instead: T): T {
    this.problems.push(`field '${field}' is not ${wanted}`);
    return instead;
  }
}

/** Whether a JSON value is an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isWire(value: unknown): value is RecordedWire {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [server, transport, seconds, optSize, ad] = value as readonly unknown[];
  return (
    typeof server === 'string' &&
    typeof transport === 'string' &&
    typeof seconds === 'number' &&
    (optSize === null || typeof optSize === 'number') &&
    typeof ad === 'number'
  );
}
