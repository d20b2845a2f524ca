/** c-ares' status codes, and what it makes of a reply's rcode. */
import type { OracleReply } from '../stub.ts';

export type AresStatus =
  | 'ARES_SUCCESS'
  | 'ARES_ENODATA'
  | 'ARES_ENOTFOUND'
  | 'ARES_ESERVFAIL'
  | 'ARES_EREFUSED'
  | 'ARES_EFORMERR'
  | 'ARES_ENOTIMP'
  | 'ARES_ETIMEOUT'
  | 'ARES_ECONNREFUSED'
  | 'ARES_EBADNAME';

/** The status of a reply that c-ares takes for a failure of the server. */
export function failureOf(rcode: OracleReply['rcode']): AresStatus | undefined {
  switch (rcode) {
    case 'SERVFAIL':
      return 'ARES_ESERVFAIL';
    case 'NOTIMP':
      return 'ARES_ENOTIMP';
    case 'REFUSED':
      return 'ARES_EREFUSED';
    default:
      return undefined;
  }
}

/** The status with which a query ends that got this reply. */
export function statusOf(reply: OracleReply): AresStatus {
  if (reply.rcode === 'NXDOMAIN') return 'ARES_ENOTFOUND';
  if (reply.rcode === 'FORMERR') return 'ARES_EFORMERR';
  if (reply.rcode !== 'NOERROR') return failureOf(reply.rcode) ?? 'ARES_ENODATA';
  return reply.answers.length > 0 ? 'ARES_SUCCESS' : 'ARES_ENODATA';
}
