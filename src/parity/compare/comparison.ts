/** One expected name, looked up by one stub on both sides. Plain data. */
import { ASSUMED_ADDRESS, type Owner } from '../answer.ts';

/** A query as a stub sent it, and what came back. */
export interface AskedQuestion {
  readonly server: string;
  readonly name: string;
  readonly type: string;
  /** as `answerText` has it */
  readonly answer: string;
}

/** How a look-up ended. */
export type LookupResult =
  | {
      readonly kind: 'found';
      readonly addresses: readonly string[];
      readonly owner: Owner;
      /** whether DNS said it, or a source that comes before */
      readonly source: 'dns' | 'files';
    }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** A whole look-up. */
export interface Lookup {
  readonly questions: readonly AskedQuestion[];
  readonly result: LookupResult;
  /** simulated, until the program has its answer */
  readonly seconds: number;
}

/** What comparing two look-ups says. */
export type Verdict =
  | 'same'
  /** production finds the name, this side does not */
  | 'not-found'
  /** this side finds production's own address */
  | 'leak'
  /** this side finds somebody else */
  | 'other-owner'
  /** this side finds it, production does not */
  | 'only-here'
  /** neither finds it, but a program sees another error */
  | 'other-error'
  | 'unknown';

/** One row of the comparison. */
export interface Comparison {
  readonly stub: string;
  readonly name: string;
  readonly production: Lookup;
  readonly here: Lookup;
  readonly verdict: Verdict;
  /** for `unknown`: why */
  readonly why?: string;
}

/**
 * Compares what both sides find. Pure; never throws.
 *
 * The owner counts, not the address: production's `NAME` is to be found here as the container,
 * service or record that homeport answers `NAME` with.
 */
export function compareLookups(
  name: string,
  production: LookupResult,
  here: LookupResult,
): { readonly verdict: Verdict; readonly why?: string } {
  if (production.kind === 'unknown') {
    return { verdict: 'unknown', why: `production: ${production.why}` };
  }
  if (here.kind === 'unknown') return { verdict: 'unknown', why: here.why };
  if (here.kind === 'failed') {
    if (production.kind === 'found') return { verdict: 'not-found' };
    return { verdict: production.error === here.error ? 'same' : 'other-error' };
  }
  if (here.owner.kind === 'production') return { verdict: 'leak' };
  if (production.kind === 'failed') return { verdict: 'only-here' };
  return { verdict: isOwnOwner(name, here) ? 'same' : 'other-owner' };
}

function isOwnOwner(name: string, here: LookupResult & { readonly kind: 'found' }): boolean {
  switch (here.owner.kind) {
    case 'container':
    case 'service':
    case 'static':
    case 'lease':
      return true;
    case 'wildcard':
    case 'other':
    case 'production':
      return here.owner.title === name;
  }
}

/** The error names of all stubs for one line of a report. */
export function resultText(result: LookupResult): string {
  switch (result.kind) {
    case 'found':
      return [ownerText(result.owner), ...result.addresses.filter(isReal)].join(' ');
    case 'failed':
      return result.error;
    case 'unknown':
      return `unknown: ${result.why}`;
  }
}

/** What was assumed stands for an address, and is none. */
export function isReal(address: string): boolean {
  return address !== ASSUMED_ADDRESS;
}

function ownerText({ kind, title }: Owner): string {
  switch (kind) {
    case 'production':
      return `production's ${title}`;
    case 'wildcard':
      return `the wildcard ${title}`;
    case 'other':
      return title;
    default:
      return `${kind} ${title}`;
  }
}
