/**
 * DNS cookies (RFC 7873) as all servers make them (RFC 9018): who sends one gets it back with ours behind it, and so
 * can tell our replies from forged ones. We ask for none: `allow` decides who is answered, so a cookie that is
 * missing, old or somebody else's costs its sender nothing, and is answered with a fresh one.
 */
import { addressBytes } from '../dns/address.ts';
import { EDNS_OPTION, putUint16, putUint32, type QueryReader } from './query.ts';
import { sipHash } from './sip-hash.ts';

export const COOKIE_SECRET_BYTES = 16;
const CLIENT_BYTES = 8;
/** Version, reserved, timestamp and hash (RFC 9018 §4). */
const SERVER_BYTES = 16;
const VERSION = 1;
const OPTION_HEAD_BYTES = 4;
const HASH_BYTES = 8;
const UNKNOWN_ADDRESS: Uint8Array = new Uint8Array(4);

/** Makes the cookies of one server: of all its threads, and of the servers that share its secret (RFC 9018 §1). */
export class ServerCookies {
  readonly #secret: Uint8Array;
  /** The option as it is written, used again for each reply. */
  readonly #option = new Uint8Array(OPTION_HEAD_BYTES + CLIENT_BYTES + SERVER_BYTES);
  /** What is hashed: client cookie, version to timestamp, address. */
  readonly #hashed = new Uint8Array(CLIENT_BYTES + SERVER_BYTES - HASH_BYTES + 16);

  /** @param secret 16 random bytes */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
    putUint16(this.#option, 0, EDNS_OPTION.COOKIE);
    putUint16(this.#option, 2, CLIENT_BYTES + SERVER_BYTES);
  }

  /**
   * The COOKIE option for the reply to a query that has one.
   *
   * @param query the message as read
   * @param addressKey the client's: IPv4 as its 32 bits, signed; IPv6 as text
   * @param nowMs since the epoch
   * @returns code, length, the client's cookie and ours, valid until the next call; null where the query has none
   */
  optionFor(
    message: Uint8Array,
    query: QueryReader,
    addressKey: number | string,
    nowMs: number,
  ): Uint8Array | null {
    if (query.cookieLength === 0) return null;
    const option = this.#option;
    const own = OPTION_HEAD_BYTES + CLIENT_BYTES;
    for (let i = 0; i < CLIENT_BYTES; i++) {
      option[OPTION_HEAD_BYTES + i] = message[query.cookieOffset + i] ?? 0;
    }
    option[own] = VERSION;
    putUint32(option, own + 4, Math.floor(nowMs / 1000) % 0x1_0000_0000);
    const hashed = this.#hashed;
    const head = CLIENT_BYTES + SERVER_BYTES - HASH_BYTES;
    for (let i = 0; i < head; i++) hashed[i] = option[OPTION_HEAD_BYTES + i] ?? 0;
    const address = bytesOfKey(addressKey);
    hashed.set(address, head);
    sipHash(this.#secret, hashed, head + address.length, option, own + SERVER_BYTES - HASH_BYTES);
    return option;
  }
}

function bytesOfKey(key: number | string): Uint8Array {
  if (typeof key === 'string') return addressBytes(key) ?? UNKNOWN_ADDRESS;
  return Uint8Array.of(key >>> 24, key >>> 16, key >>> 8, key);
}
