/** The file that HOSTALIASES names, and /etc/host.conf: small things that change what a lookup means on glibc. */

/** The alias of a bare name in a HOSTALIASES file (first word alias, second word name, any letter case). */
export function aliasOf(text: string | undefined, name: string): string | undefined {
  for (const line of (text ?? '').split('\n')) {
    const [alias = '', target] = line.split(/\s+/);
    if (alias.toLowerCase() === name.toLowerCase() && target !== undefined && target !== '') {
      return target;
    }
  }
  return undefined;
}

/** Whether host.conf(5) says `multi on`: then glibc returns all hosts lines of a name, else the first. */
export function isMultiOn(text: string | undefined): boolean {
  return (text ?? '').split('\n').some((line) => /^\s*multi\s+on\s*(#.*)?$/.test(line));
}
