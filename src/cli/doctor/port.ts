/** Who holds port 53 at the addresses where homeport answers, or should. */
import type { PortHolder } from '../../host/situation.ts';
import { addressWithPort } from '../address-text.ts';
import { type Diagnosis, fine, note, problem } from './diagnosis.ts';
import { living, ownAddresses, type Patient } from './patient.ts';

const ABOUT = 'port 53';
const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

export function diagnosePort(patient: Patient): readonly Diagnosis[] {
  const server = living(patient);
  const troubles = (server?.status.listenProblems ?? []).map((line) =>
    problem(ABOUT, line, 'ss -lnptu sport = :53'),
  );
  const wanted = ownAddresses(patient);
  if (wanted.length === 0) return [...troubles, elsewhere(patient)];
  const strangers = patient.situation.port53.filter(
    (holder) => isOnOneOf(holder, wanted) && !isHomeport(holder, patient),
  );
  if (strangers.length > 0) return [...troubles, ...held(strangers, server !== null)];
  if (troubles.length > 0) return troubles;
  const where = wanted.map((address) => addressWithPort(address, 53)).join(', ');
  return [fine(ABOUT, server === null ? `free for homeport at ${where}` : `homeport has ${where}`)];
}

function elsewhere(patient: Patient): Diagnosis {
  const places = living(patient)?.status.listen.map(({ address, port }) =>
    addressWithPort(address, port),
  );
  const where = places === undefined ? '' : ` but on ${places.join(', ')}`;
  const text = `homeport listens on no port 53${where}; stub resolvers ask no other`;
  return note(ABOUT, text, 'set listen: to 127.0.0.1:53, or run `homeport host install`');
}

function isOnOneOf({ address }: PortHolder, wanted: readonly string[]): boolean {
  return EVERYWHERE.has(address) || wanted.some((own) => EVERYWHERE.has(own) || own === address);
}

/** A socket unit's addresses are held by process 1 until the service takes them. */
function isHomeport({ pid, unit, program }: PortHolder, patient: Patient): boolean {
  const server = living(patient);
  if (unit?.startsWith('homeport') === true || program === 'homeport') return true;
  if (server === null) return pid === 1;
  // Whose processes we may not see are believed to be the server's, which says that it listens.
  return pid === null || pid === 1 || pid === server.status.pid;
}

/** One line for each program, whatever it holds. */
function held(strangers: readonly PortHolder[], isServed: boolean): readonly Diagnosis[] {
  const whos = new Map<string, PortHolder[]>();
  for (const holder of strangers) {
    const { pid, program, unit } = holder;
    const who =
      pid === null
        ? 'a process of another user'
        : `${program ?? 'a program'}, process ${pid}${unit === null ? '' : ` (${unit})`}`;
    whos.set(who, [...(whos.get(who) ?? []), holder]);
  }
  return [...whos].map(([who, holders]) => {
    const where = [...new Set(holders.map(({ protocol, address }) => `${protocol} ${address}`))];
    const text = `${where.join(', ')} is held by ${who}`;
    const mend = mendOf(holders[0]);
    // Beside a server that answers at its own address, it takes what comes to all the others.
    return isServed ? note(ABOUT, text, mend) : problem(ABOUT, text, mend);
  });
}

function mendOf(holder: PortHolder | undefined): string {
  if (holder === undefined || holder.pid === null) return 'sudo ss -lnptu sport = :53';
  const { unit, pid } = holder;
  return unit?.endsWith('.service') === true ? `systemctl disable --now ${unit}` : `kill ${pid}`;
}
