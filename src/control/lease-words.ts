/** The body of a request for a lease: its form, not its meaning. */
import type { LeaseWords } from './reports.ts';

const FORM = 'send {"name": "demo.env.dev.internal", "addresses": ["10.0.0.7"], "for": "5d"}';

/** Reads a body; `problem` says what to send instead. Never throws. */
export function leaseWords(body: string): LeaseWords | { readonly problem: string } {
  const value = parsed(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: `the body is no JSON object; ${FORM}` };
  }
  const { name, addresses, for: span, ...more } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) {
    return { problem: `the body has ${JSON.stringify(unknown)}, which is unknown; ${FORM}` };
  }
  if (typeof name !== 'string' || typeof span !== 'string' || !isTexts(addresses)) {
    return { problem: `the body has not what a lease needs; ${FORM}` };
  }
  return { name, addresses, for: span };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
