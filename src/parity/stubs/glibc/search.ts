/** Which names glibc asks, in which order, and what it makes of the replies (resolv/res_query.c, 2.36). */
import type { Reading } from '../../../resolv-conf/readings/reading.ts';
import { canBeAsked, dotsIn, isRooted, toBytes, withoutRoot } from '../names.ts';
import type { OracleReply } from '../stub.ts';
import type { GlibcSender, Sent } from './send.ts';

export type HErrno = 'HOST_NOT_FOUND' | 'TRY_AGAIN' | 'NO_RECOVERY' | 'NO_DATA';

/** no-aaaa: the A question that is asked in place of AAAA, only to tell NODATA from NXDOMAIN. */
export const askedForAaaa = 'A for AAAA';

/** `errno` decides the NSS status of a failure: refused and timed out mean `unavail`. */
export type Searched =
  | { readonly kind: 'hit'; readonly name: string; readonly replies: readonly OracleReply[] }
  | { readonly kind: 'miss'; readonly herrno: HErrno; readonly errno: string };

/** res_search: the search list around the name as it is, by ndots. */
export function search(
  sender: GlibcSender,
  reading: Reading,
  name: string,
  types: readonly string[],
): Searched {
  const dots = dotsIn(name);
  const isFinal = isRooted(name);
  sender.clearBuffer();
  let asIsError: HErrno | undefined;
  let last: Searched = { kind: 'miss', herrno: 'HOST_NOT_FOUND', errno: '' };
  if (dots >= reading.ndots.value || isFinal) {
    last = query(sender, withoutRoot(name), types);
    if (last.kind === 'hit' || isFinal) return last;
    asIsError = last.herrno;
  }
  let hasSearched = false;
  let hasRoot = false;
  let hasNodata = false;
  let hasServfail = false;
  for (const { domain } of isFinal ? [] : reading.search) {
    hasSearched = true;
    const suffix = toBytes(withoutRoot(domain));
    hasRoot ||= domain === '';
    last = query(sender, suffix === '' ? name : `${name}.${suffix}`, types);
    if (last.kind === 'hit') return last;
    if (last.errno === 'ECONNREFUSED') return { ...last, herrno: 'TRY_AGAIN' };
    if (last.herrno === 'NO_DATA') hasNodata = true;
    else if (last.herrno === 'TRY_AGAIN' && sender.bufferedRcode() === 'SERVFAIL')
      hasServfail = true;
    else if (last.herrno !== 'HOST_NOT_FOUND') break;
  }
  const mayAskAsIs = dots > 0 || !hasSearched || !reading.flags.has('no-tld-query');
  if (mayAskAsIs && asIsError === undefined && !hasRoot) {
    last = query(sender, withoutRoot(name), types);
    if (last.kind === 'hit') return last;
  }
  const herrno = asIsError ?? searchError(hasNodata, hasServfail) ?? last.herrno;
  return { kind: 'miss', herrno, errno: last.errno };
}

function searchError(hasNodata: boolean, hasServfail: boolean): HErrno | undefined {
  if (hasNodata) return 'NO_DATA';
  return hasServfail ? 'TRY_AGAIN' : undefined;
}

/** res_query: one name, one or both types. */
export function query(sender: GlibcSender, name: string, types: readonly string[]): Searched {
  if (!canBeAsked(name)) return { kind: 'miss', herrno: 'NO_RECOVERY', errno: 'EMSGSIZE' };
  const asked = types.map((type) => (type === askedForAaaa ? 'A' : type));
  const sent = sender.send(name, asked);
  if (sent.kind === 'none') return { kind: 'miss', herrno: 'TRY_AGAIN', errno: sent.errno };
  const isAddressless = types.length === 1 && types[0] === askedForAaaa;
  const replies = repliesOf(sent).map((reply) =>
    isAddressless ? { ...reply, answers: [] } : reply,
  );
  if (replies.some((reply) => reply.rcode === 'NOERROR' && reply.answers.length > 0)) {
    return { kind: 'hit', name, replies };
  }
  const [first, second] = replies;
  const rcode = first?.rcode === 'NOERROR' ? (second ?? first).rcode : first?.rcode;
  return { kind: 'miss', herrno: herrnoOf(rcode), errno: '' };
}

function repliesOf(sent: Sent & { readonly kind: 'answered' }): readonly OracleReply[] {
  return [sent.first, sent.second].filter((reply) => reply !== undefined);
}

function herrnoOf(rcode: OracleReply['rcode'] | undefined): HErrno {
  switch (rcode) {
    case 'NXDOMAIN':
      return 'HOST_NOT_FOUND';
    case 'SERVFAIL':
      return 'TRY_AGAIN';
    case 'NOERROR':
      return 'NO_DATA';
    default:
      return 'NO_RECOVERY';
  }
}
