/** Why a name is answered as it is, in a line for people. */
import type { Verdict } from '../control/reports.ts';
import { printable } from './terminal.ts';

/** How an owner came by its name. */
const SOURCE_WORDS: Readonly<Record<string, string>> = {
  label: 'by its label homeport.names',
  name: 'by its own name',
  alias: 'by a network alias',
  service: 'by its Compose service',
  hostname: 'by its hostname',
  lease: 'by a lease',
  record: 'by a record of the configuration',
};

/** One sentence without a full stop. */
export function verdictLine(verdict: Verdict): string {
  return printable(sentence(verdict));
}

function sentence(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'owned':
      return ownedLine(verdict);
    case 'unreachable':
      return `${verdict.owner} runs, but this client does not reach it: ${verdict.reason}`;
    case 'refused':
      return `refused: ${verdict.reason}`;
    case 'forwarded':
      return forwardedLine(verdict);
    case 'nonexistent':
      return `does not exist: ${verdict.reason}`;
    case 'notAllowed':
      return `this client may not ask: ${verdict.reason}`;
  }
}

function ownedLine(verdict: Verdict & { kind: 'owned' }): string {
  const networks = [...new Set(verdict.addresses.map(({ network }) => network))].filter(
    (network) => network !== null,
  );
  const about = [
    ...(networks.length === 0
      ? []
      : [`network${networks.length > 1 ? 's' : ''} ${networks.join(', ')}`]),
    ...(verdict.engine === '' ? [] : [`engine ${verdict.engine}`]),
    ...(verdict.project === null ? [] : [`project ${verdict.project}`]),
  ];
  const kind = verdict.ownerKind === 'static' ? 'static record' : verdict.ownerKind;
  const who = `${kind} ${verdict.owner}`;
  const where = about.length === 0 ? '' : ` (${about.join(', ')})`;
  const words = SOURCE_WORDS[verdict.source];
  const how = words === undefined || verdict.ownerKind === 'static' ? '' : `, ${words}`;
  const alias = verdict.cname === null ? '' : `, an alias of ${verdict.cname}`;
  const note = verdict.note === null ? '' : `; ${verdict.note}`;
  return `${who}${where}${how}${alias}${note}`;
}

function forwardedLine({ asks, upstreams, isLeak }: Verdict & { kind: 'forwarded' }): string {
  const names = asks.length === 0 ? 'as it is' : `as ${asks.join(', then ')}`;
  const whom =
    upstreams.length === 0 ? 'no upstream: none is known' : `upstream ${upstreams.join(', then ')}`;
  const leak = isLeak ? '; it is expected here, so production is asked in its place (a leak)' : '';
  return `forwarded: asked ${names} of ${whom}${leak}`;
}

/** Whether the name is found, as far as it is decided here. */
export function isFound(verdict: Verdict): boolean {
  return verdict.kind === 'owned' || verdict.kind === 'forwarded';
}
