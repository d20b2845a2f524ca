/** Where a container's 127.0.0.11 forwards: what the engine wrote into the file, else what it would do. Pure. */
import { parseResolvConf, type ResolvConf } from '../../resolv-conf/resolv-conf.ts';
import { predictContainerDns } from '../engine/container-dns.ts';
import { daemonSettings } from '../engine/daemon-json.ts';
import { EMBEDDED_ADDRESS } from '../engine/embedded.ts';
import { type EmbeddedSettings, type EmbeddedUpstream, noDnsSettings } from '../engine/settings.ts';
import type { ParityInputs } from '../inputs.ts';
import type { Target } from '../target.ts';

/**
 * The settings of a target's embedded resolver; undefined where it has none, or nothing tells.
 *
 * Engines from 25.0 on note their upstreams in a comment of the file. For 20.10 they follow from the
 * host's file, if that was collected.
 */
export function embeddedSettings(
  target: Target,
  inputs: ParityInputs,
): EmbeddedSettings | undefined {
  const { text } = target.surroundings.resolvConf;
  const facts = target.container;
  if (text === undefined || facts === undefined || facts.network === 'host') return undefined;
  const conf = parseResolvConf(text);
  if (!conf.nameservers.some(({ address }) => address === EMBEDDED_ADDRESS)) return undefined;
  const noted = notedUpstreams(text);
  if (noted !== undefined) return { upstreams: noted, ndotsSet: isNdotsSet(conf) };
  const host = inputs.targets.find(({ kind }) => kind === 'host');
  if (host === undefined) return undefined;
  const prediction = predictContainerDns(
    {
      version: facts.engineVersion,
      resolvConf: host.surroundings.resolvConf.text,
      uplinkResolvConf: inputs.host.resolved?.uplinks,
      daemon: daemonSettings(inputs.host.daemonJson?.text) ?? noDnsSettings,
    },
    { flags: facts.flags, network: 'user-defined', ipv6: facts.networks.some(({ ipv6 }) => ipv6) },
  );
  return prediction.kind === 'known' ? prediction.dns.embedded : undefined;
}

/** `# ExtServers: [host(127.0.0.1) 10.0.0.2]` */
function notedUpstreams(text: string): readonly EmbeddedUpstream[] | undefined {
  const list = /^# ExtServers: \[(.*)\]$/m.exec(text)?.[1];
  if (list === undefined) return undefined;
  return list
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const fromHost = /^host\((.*)\)$/.exec(word)?.[1];
      return fromHost === undefined
        ? { address: word, from: 'container' }
        : { address: fromHost, from: 'host' };
    });
}

/** The same comment block says who set ndots. */
function isNdotsSet(conf: ResolvConf): boolean {
  return /^# Option ndots from: (?:host|override)$/m.test(conf.text);
}
