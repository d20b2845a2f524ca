/** What one view is told of one name, compiled at the first question of each type. */
import { EDE, RCODE, TYPE } from '../dns/codes.ts';
import { tryParseName } from '../dns/name.ts';
import type { NameDecision } from '../names/zone-delta.ts';
import {
  type AdditionalAddress,
  type Compiled,
  compile,
  compileNegative,
  extendedErrorOption,
  type Rdata,
} from '../wire/compiled.ts';

/** How much of an owner with hundreds of members is listed beside SRV records. */
const MAX_ADDITIONAL = 32;

/** A decision and its answers. Compiled lazily: most names are asked for one type by one view. */
export class NameAnswers {
  readonly decision: NameDecision;
  readonly #negativeTtlSeconds: number;
  readonly #extendedError: Uint8Array | null;
  #a: Compiled | undefined;
  #aaaa: Compiled | undefined;
  #nodata: Compiled | undefined;

  /**
   * @param negativeTtlSeconds how long a client may keep that a type is missing
   * @param stale why the owner's engine cannot be heard (EDE 3), or null
   */
  constructor(decision: NameDecision, negativeTtlSeconds: number, stale: string | null) {
    this.decision = decision;
    this.#negativeTtlSeconds = negativeTtlSeconds;
    this.#extendedError = extendedErrorOf(decision, stale);
  }

  /** The answer for A, AAAA, ANY and every type that has nothing; SRV and TXT: `service`, `text`. */
  ofType(qtype: number): Compiled {
    const { decision } = this;
    if (decision.kind !== 'addresses') return this.nodata();
    if (qtype === TYPE.A) {
      this.#a ??= this.#addresses('A', decision.ipv4, decision.ttlSeconds);
      return this.#a;
    }
    if (qtype === TYPE.AAAA) {
      this.#aaaa ??= this.#addresses('AAAA', decision.ipv6, decision.ttlSeconds);
      return this.#aaaa;
    }
    // One RRset is enough of an answer to ANY (RFC 8482 §4.1).
    if (qtype === TYPE.ANY) return this.ofType(decision.ipv4.length > 0 ? TYPE.A : TYPE.AAAA);
    if (qtype === TYPE.TXT && decision.texts.length > 0)
      return this.#texts(decision.texts, decision.ttlSeconds);
    return this.nodata();
  }

  #addresses(type: 'A' | 'AAAA', addresses: readonly string[], ttlSeconds: number): Compiled {
    if (addresses.length === 0) return this.nodata();
    return compile({
      records: addresses.map((address) => ({ type, address })),
      ttlSeconds,
      extendedError: this.#extendedError,
    });
  }

  #texts(texts: readonly string[], ttlSeconds: number): Compiled {
    return compile({ records: texts.map((text): Rdata => ({ type: 'TXT', text })), ttlSeconds });
  }

  /** The name exists, this type does not (RFC 2308 §2.2). */
  nodata(): Compiled {
    this.#nodata ??= compileNegative({
      rcode: RCODE.NOERROR,
      ttlSeconds: this.#negativeTtlSeconds,
      extendedError: this.#extendedError,
    });
    return this.#nodata;
  }

  /**
   * SRV (RFC 2782): one record for each member that has the port, its target the member's own name
   * under the suffix that was asked, its addresses beside it.
   *
   * @param service `_27017._tcp` or `_mongodb._tcp`, lower case
   * @param suffix what follows the name in the question (`us-east-1.domain.com`), '' for none
   */
  service(service: string, suffix: string): Compiled {
    const { decision } = this;
    if (decision.kind !== 'addresses') return this.nodata();
    const records: Rdata[] = [];
    const additional: AdditionalAddress[] = [];
    for (const member of decision.members) {
      const target = tryParseName(suffix === '' ? member.title : `${member.title}.${suffix}`);
      if (target === undefined) continue;
      for (const { service: offered, port } of member.ports) {
        if (offered === service) records.push({ type: 'SRV', port, target });
      }
      for (const address of member.addresses) additional.push({ name: target, address });
    }
    if (records.length === 0) return this.nodata();
    return compile({
      records,
      ttlSeconds: decision.ttlSeconds,
      additional: additional.slice(0, MAX_ADDITIONAL),
      extendedError: this.#extendedError,
    });
  }
}

function extendedErrorOf(decision: NameDecision, stale: string | null): Uint8Array | null {
  if (decision.kind === 'unreachable') {
    return extendedErrorOption(EDE.NO_REACHABLE_AUTHORITY, decision.reason);
  }
  const unready = decision.kind === 'addresses' ? decision.unready : null;
  const text = [unready, stale].filter((part) => part !== null).join('; ');
  return text === '' ? null : extendedErrorOption(EDE.STALE_ANSWER, text);
}
