/** The name that a question is about, in text: as asked, without search domains, or through a wildcard. Pure. */

/** What a name as asked comes down to. */
export interface NameProper {
  /** The name under which something is known, or what is left without suffixes. */
  readonly name: string;
  /** The suffix that was taken off, '' for none. */
  readonly suffix: string;
  readonly isKnown: boolean;
}

/**
 * Finds the name proper, by the rule of the answering side (`Zone.find`).
 *
 * @param asked lower case, without trailing dot
 * @param suffixes search domains, then local domains
 * @param isKnown whether something is known of a name or wildcard
 */
export function nameProper(
  asked: string,
  suffixes: readonly string[],
  isKnown: (name: string) => boolean,
): NameProper {
  let name = asked;
  let first = '';
  while (!isKnown(name)) {
    const suffix = suffixes.find((domain) => name.endsWith(`.${domain}`));
    if (suffix === undefined) break;
    name = name.slice(0, -suffix.length - 1);
    first = first === '' ? suffix : first;
  }
  if (isKnown(name)) return { name, suffix: first, isKnown: true };
  const wildcard = wildcardOf(asked, isKnown) ?? wildcardOf(name, isKnown);
  if (wildcard !== undefined) return { name: wildcard, suffix: '', isKnown: true };
  return { name, suffix: first, isKnown: false };
}

/** RFC 4592 §3.3.1: the closest name that exists hides wildcards above it. */
function wildcardOf(name: string, isKnown: (name: string) => boolean): string | undefined {
  const labels = name.split('.');
  for (let i = 1; i < labels.length; i++) {
    const rest = labels.slice(i).join('.');
    if (isKnown(`*.${rest}`)) return `*.${rest}`;
    if (isKnown(rest)) return undefined;
  }
  return undefined;
}
