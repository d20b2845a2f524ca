/** What a DNS server says to one question, as far as a stub resolver can tell. Plain data. */

/** The only types that stub resolvers ask for addresses with. */
export type AddressType = 'A' | 'AAAA';

/** A question as a stub sends it: the name as it stands on the wire, without trailing dot. */
export interface AddressQuestion {
  readonly name: string;
  readonly type: AddressType;
}

/** Flags of a reply; left out: `ra` set, the others clear. */
export interface ReplyFlags {
  readonly aa?: boolean;
  readonly ra?: boolean;
  readonly tc?: boolean;
}

/** Rcodes other than NOERROR. */
export type FailureRcode = 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'NOTIMP' | 'FORMERR';

/** A server's answer. `owner` says whose address it is; the check compares owners, not addresses. */
export type Answer =
  | {
      readonly kind: 'addresses';
      readonly addresses: readonly string[];
      readonly owner: Owner;
      readonly flags?: ReplyFlags;
    }
  | { readonly kind: 'nodata'; readonly flags?: ReplyFlags }
  | { readonly kind: 'rcode'; readonly rcode: FailureRcode; readonly flags?: ReplyFlags }
  /** no reply at all */
  | { readonly kind: 'silent' }
  /** nobody listens: refused at once */
  | { readonly kind: 'closed' }
  /** not known from the inputs; a result that rests on it is not known either */
  | { readonly kind: 'unknown'; readonly why: string };

/** Who stands behind an address. */
export interface Owner {
  readonly kind: 'production' | 'container' | 'service' | 'static' | 'lease' | 'wildcard' | 'other';
  /** the service name for production, else what homeport or Docker calls the owner */
  readonly title: string;
}

/** Stands for production's address where nobody recorded it: of documentation (RFC 5737), and never shown. */
export const ASSUMED_ADDRESS = '192.0.2.1';

/** A short text of an answer, for evidence: `10.1.1.1`, `NODATA`, `NXDOMAIN`, `no reply`. */
export function answerText(answer: Answer): string {
  switch (answer.kind) {
    case 'addresses':
      return answer.addresses
        .map((address) => (address === ASSUMED_ADDRESS ? 'an address (assumed)' : address))
        .join(' ');
    case 'nodata':
      return 'NODATA';
    case 'rcode':
      return answer.rcode;
    case 'silent':
      return 'no reply';
    case 'closed':
      return 'nobody listens';
    case 'unknown':
      return 'unknown';
  }
}
