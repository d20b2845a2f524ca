/** Answers that no container has a part in: errors, special-use names, what may not be asked. */
import { EDE, RCODE, TYPE } from '../dns/codes.ts';
import {
  type Compiled,
  compile,
  compileBare,
  compileNegative,
  extendedErrorOption,
} from '../wire/compiled.ts';
import { isSameLabels, keyOfText } from '../wire/name-index.ts';
import { HEADER_BYTES, type QueryReader } from '../wire/query.ts';

const LOCALHOST = keyOfText('localhost');
/** Names that must never reach the global DNS (RFC 6761 §6.4, RFC 7686). */
const NOWHERE = [keyOfText('invalid'), keyOfText('onion')];

/** Compiled once for each configuration. */
export class FixedAnswers {
  /** Nothing was asked: the reply is for its cookie. */
  readonly empty: Compiled = compileBare(RCODE.NOERROR);
  readonly servfail: Compiled = compileBare(RCODE.SERVFAIL);
  readonly refused: Compiled = compileBare(RCODE.REFUSED);
  readonly formerr: Compiled = compileBare(RCODE.FORMERR);
  readonly notAllowed: Compiled = compileBare(
    RCODE.REFUSED,
    extendedErrorOption(EDE.PROHIBITED, 'this client is not in the list of who may ask (allow)'),
  );
  readonly nodata: Compiled;
  readonly nxdomain: Compiled;
  readonly noRegion: Compiled;
  readonly #localhost4: Compiled;
  readonly #localhost6: Compiled;

  constructor(ttlSeconds: number) {
    this.nodata = compileNegative({ rcode: RCODE.NOERROR, ttlSeconds });
    this.nxdomain = compileNegative({ rcode: RCODE.NXDOMAIN, ttlSeconds });
    this.noRegion = compileNegative({
      rcode: RCODE.NXDOMAIN,
      ttlSeconds,
      extendedError: extendedErrorOption(
        EDE.OTHER,
        'no container owns this name, and no region is configured to look it up in',
      ),
    });
    this.#localhost4 = compile({ records: [{ type: 'A', address: '127.0.0.1' }], ttlSeconds });
    this.#localhost6 = compile({ records: [{ type: 'AAAA', address: '::1' }], ttlSeconds });
  }

  /** The answer to a special-use name: `localhost` and below (RFC 6761 §6.3), `invalid`, `onion`; else undefined. */
  special(message: Uint8Array, query: QueryReader): Compiled | undefined {
    if (query.labelCount === 0) return undefined;
    const last = query.labelOffsets[query.labelCount - 1] ?? HEADER_BYTES;
    if (isSameLabels(message, last, query.nameEnd, LOCALHOST)) {
      if (query.qtype === TYPE.A || query.qtype === TYPE.ANY) return this.#localhost4;
      return query.qtype === TYPE.AAAA ? this.#localhost6 : this.nodata;
    }
    const isNowhere = NOWHERE.some((label) => isSameLabels(message, last, query.nameEnd, label));
    return isNowhere ? this.nxdomain : undefined;
  }
}
