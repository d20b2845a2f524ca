/** A container's /etc/resolv.conf and its embedded resolver, for the engine's version and the host's files. */
import { connectedDns2010, containerDns2010, nameservers2010 } from './file-20-10.ts';
import { containerDns261, nameservers261, type Origin } from './file-26-1.ts';
import {
  type ContainerDns,
  type ContainerDnsRequest,
  type EngineHost,
  settingsInForce,
} from './settings.ts';
import { type MeasuredEngine, measuredEngine } from './version.ts';

/** The prediction, or why there is none. */
export type ContainerDnsPrediction =
  | { readonly kind: 'known'; readonly dns: ContainerDns }
  | { readonly kind: 'unknown'; readonly why: string };

const HOST_FILE = '/etc/resolv.conf';
const UPLINK_FILE = '/run/systemd/resolve/resolv.conf';
const RESOLVED_STUB = '127.0.0.53';

/**
 * Predicts the resolv.conf that a container gets when it starts, and where 127.0.0.11 forwards.
 * Pure; never throws.
 *
 * @returns `unknown` for engines that were not recorded, and where IPv6 on the container's network
 *   would change the result (recorded without IPv6 only)
 */
export function predictContainerDns(
  host: EngineHost,
  request: ContainerDnsRequest,
): ContainerDnsPrediction {
  return known(host, request, (engine, ipv6) => {
    const settings = settingsInForce(host.daemon, request.flags);
    const origin = originFor(engine, host, request.network);
    const joined = { network: request.network, ipv6 };
    return engine === '20.10'
      ? containerDns2010(origin.text, settings, joined)
      : containerDns261(origin, settings, joined);
  });
}

/**
 * Predicts what connecting a running container to a user-defined network makes of its file.
 * 20.10 goes on from the container's own file, 26.1 starts again from the host's.
 *
 * @param atStart the host as it was when the container was last started
 */
export function predictAfterConnect(
  current: ContainerDns,
  atStart: EngineHost,
  now: EngineHost,
  request: ContainerDnsRequest,
): ContainerDnsPrediction {
  return known(now, request, (engine, ipv6) => {
    const settings = settingsInForce(now.daemon, request.flags);
    return engine === '20.10'
      ? connectedDns2010(current, originFor(engine, atStart, request.network).text, settings, ipv6)
      : containerDns261(originFor(engine, now, request.network), settings, {
          network: 'user-defined',
          ipv6,
        });
  });
}

function known(
  host: EngineHost,
  request: ContainerDnsRequest,
  predict: (engine: MeasuredEngine, ipv6: boolean) => ContainerDns,
): ContainerDnsPrediction {
  const engine = measuredEngine(host.version);
  if (engine === undefined) {
    return {
      kind: 'unknown',
      why: `engine ${host.version} was not measured (20.10 and 26.1 were)`,
    };
  }
  const dns = predict(engine, false);
  if (request.ipv6 && JSON.stringify(dns) !== JSON.stringify(predict(engine, true))) {
    return { kind: 'unknown', why: 'networks with IPv6 were not measured' };
  }
  return { kind: 'known', dns };
}

/**
 * The host file that counts. dockerd takes resolved's own list of uplinks instead of /etc/resolv.conf
 * where 127.0.0.53 is the only server, but only for containers without the embedded resolver: that
 * one can ask the host's loopback.
 */
function originFor(engine: MeasuredEngine, host: EngineHost, network: string): Origin {
  const isStub = host.startedWithStub ?? isResolvedStub(engine, host.resolvConf);
  return network === 'default-bridge' && isStub
    ? { path: UPLINK_FILE, text: host.uplinkResolvConf }
    : { path: HOST_FILE, text: host.resolvConf };
}

function isResolvedStub(engine: MeasuredEngine, text: string | undefined): boolean {
  const servers =
    text === undefined ? [] : engine === '20.10' ? nameservers2010(text) : nameservers261(text);
  return servers.length === 1 && servers[0] === RESOLVED_STUB;
}
