/** What the doctor looks at: the host, the configuration, and the server if it answers. Nothing is changed. */
import type { Config } from '../../config/config.ts';
import type { ConfigProblem } from '../../config/problem.ts';
import type { ControlClient } from '../../control/client.ts';
import type { NamesReport, StatusReport } from '../../control/reports.ts';
import { HomeportError } from '../../errors.ts';
import { OWN_ADDRESSES } from '../../host/addresses.ts';
import type { Machine } from '../../host/machine.ts';
import type { Situation } from '../../host/situation.ts';

/** A server that answers, and what it says. */
export interface LivingServer {
  readonly status: StatusReport;
  readonly names: NamesReport;
}

export interface Patient {
  readonly machine: Machine;
  readonly situation: Situation;
  /** homeport is installed as this host's resolver. */
  readonly isInstalled: boolean;
  readonly config: Config;
  /** Why the file is not what `config` is; `config` has the defaults then. */
  readonly configProblems: readonly ConfigProblem[];
  /** Where it was read from; null: there is none. */
  readonly configFile: string | null;
  readonly server: LivingServer | HomeportError;
}

/** Asks the server; an error is a finding of its own. @throws what is no HomeportError */
export async function askServer(client: ControlClient): Promise<LivingServer | HomeportError> {
  try {
    const [status, names] = await Promise.all([client.status(), client.names()]);
    return { status, names };
  } catch (error) {
    if (error instanceof HomeportError) return error;
    throw error;
  }
}

/** The server, where it answers. */
export function living({ server }: Patient): LivingServer | null {
  return server instanceof HomeportError ? null : server;
}

const DNS_PORT = 53;

/** The addresses at whose port 53 homeport answers, or should. */
export function ownAddresses(patient: Patient): readonly string[] {
  const server = living(patient);
  if (server !== null) {
    const { listen } = server.status;
    return listen.filter(({ port }) => port === DNS_PORT).map(({ address }) => address);
  }
  const listed = patient.config.listen.flatMap((target) =>
    target.kind === 'address' && target.port === DNS_PORT ? [target.address] : [],
  );
  return patient.isInstalled ? [...new Set([...OWN_ADDRESSES, ...listed])] : listed;
}
