/** What the servers that a target asks would answer: homeport, Docker's resolver, resolved, production and others. Pure. */
import { canonicalAddress } from '../../dns/address.ts';
import type { Answer } from '../answer.ts';
import { answerEmbedded, type EmbeddedContext } from '../engine/embedded.ts';
import type { ParityInputs } from '../inputs.ts';
import { answerHomeport, type HomeportContext } from './homeport.ts';
import { answerProduction, type ProductionContext } from './production.ts';
import { type Namespace, serverRole } from './server-role.ts';
import type { TimedAnswer } from './simulate.ts';

/** Where a target asks from, and what stands behind the servers. */
export interface HereContext {
  readonly inputs: ParityInputs;
  readonly namespace: Namespace;
  readonly homeport: HomeportContext;
  readonly production: ProductionContext;
  /** undefined where the target has no 127.0.0.11, or nothing is known of it */
  readonly embedded: EmbeddedContext | undefined;
}

/** What a server answers to a target's question. Never throws. */
export function answerHere(
  context: HereContext,
  server: string,
  name: string,
  type: 'A' | 'AAAA',
): TimedAnswer {
  return answerFrom(context, context.namespace, server, name, type);
}

function answerFrom(
  context: HereContext,
  from: Namespace,
  server: string,
  name: string,
  type: 'A' | 'AAAA',
): TimedAnswer {
  const { inputs } = context;
  const question = { name, type };
  switch (serverRole(server, from, inputs)) {
    case 'homeport':
      return now(
        answerHomeport(question, context.homeport, (asked) =>
          answerProduction(asked, context.production),
        ),
      );
    case 'production':
      return now(answerProduction(question, context.production, canonicalAddress(server)));
    case 'nobody':
      return now({ kind: 'closed' });
    // Neither has the containers' names, and that is what a look-up here is about.
    case 'public':
    case 'other':
      return now({ kind: 'rcode', rcode: 'NXDOMAIN' });
    case 'resolved':
      return answerResolved(context, server, name, type);
    case 'embedded': {
      if (context.embedded === undefined) {
        return now({ kind: 'unknown', why: 'where 127.0.0.11 forwards is not known' });
      }
      const { answer, delaySeconds } = answerEmbedded(question, context.embedded, (upstream) => {
        return answerFrom(context, upstream.from, upstream.address, name, type).answer;
      });
      return { answer, delaySeconds };
    }
  }
}

/**
 * systemd-resolved's stub listener (host-integration section 2): it asks its servers for names of
 * several labels, and for one label only with ResolveUnicastSingleLabel. Several servers without a
 * `~.` route are a race.
 */
function answerResolved(
  context: HereContext,
  server: string,
  name: string,
  type: 'A' | 'AAAA',
): TimedAnswer {
  const { resolved } = context.inputs.host;
  if (resolved?.uplinks === undefined) {
    return now({ kind: 'unknown', why: `whom systemd-resolved (${server}) asks is not known` });
  }
  if (!name.includes('.') && !asksSingleLabels(resolved.settings)) {
    return now({ kind: 'rcode', rcode: 'REFUSED' });
  }
  const uplinks = resolvedServers(resolved.uplinks);
  const own = uplinks.filter((uplink) => serverRole(uplink, 'host', context.inputs) === 'homeport');
  const isRace = own.length > 0 && own.length < uplinks.length;
  if (isRace && !routesEverything(resolved.settings)) {
    return now({
      kind: 'unknown',
      why: 'systemd-resolved asks homeport and others at once, and the first answer wins',
    });
  }
  const chosen = own[0] ?? uplinks[0];
  if (chosen === undefined || serverRole(chosen, 'host', context.inputs) === 'resolved') {
    return now({ kind: 'rcode', rcode: 'SERVFAIL' });
  }
  return answerFrom(context, 'host', chosen, name, type);
}

/** The servers of /run/systemd/resolve/resolv.conf. */
export function resolvedServers(uplinks: string): readonly string[] {
  return [...uplinks.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, word]) => word ?? '');
}

/** Whether resolved.conf has `ResolveUnicastSingleLabel=yes`. The last line of several counts. */
export function asksSingleLabels(settings: string): boolean {
  const values = [...settings.matchAll(/^\s*ResolveUnicastSingleLabel\s*=\s*(\S+)/gim)];
  return /^(?:yes|true|on|1)$/i.test(values.at(-1)?.[1] ?? '');
}

/** Whether resolved.conf sends every name to its own servers: `Domains=~.` */
export function routesEverything(settings: string): boolean {
  return /^\s*Domains\s*=.*(?:^|\s|=)~\.(?:\s|$)/im.test(settings);
}

function now(answer: Answer): TimedAnswer {
  return { answer, delaySeconds: 0 };
}
