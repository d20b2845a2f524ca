/** Replays one recorded Docker case: the container's file, or what a command in it asked and printed. */
import type { CaseVerdict } from '../vectors/verdict.ts';
import {
  type ContainerDnsPrediction,
  predictAfterConnect,
  predictContainerDns,
} from './container-dns.ts';
import { type EngineCase, parseEngineCase } from './recorded-case.ts';
import { replayCommand } from './replay-command.ts';
import { type ContainerDnsRequest, type EngineHost, noDnsSettings } from './settings.ts';

/**
 * Simulates a row of docker-resolv-conf.jsonl and compares.
 *
 * @param row one line, already JSON
 * @returns one verdict, or a sentence that says what is wrong with the row. Never throws.
 */
export function replayEngineCase(row: Readonly<Record<string, unknown>>): CaseVerdict | string {
  const parsed = parseEngineCase(row);
  if (parsed.kind === 'bad') return parsed.why;
  const { id, setUp, outcome } = parsed.case;
  const prediction =
    setUp === undefined ? liveFile(parsed.case) : predictContainerDns(setUp.host, setUp.request);
  if (prediction.kind === 'unknown') return { id, kind: 'unknown', detail: prediction.why };
  if (outcome.kind === 'file') {
    const { text } = prediction.dns;
    return text === outcome.text
      ? { id, kind: 'passed' }
      : {
          id,
          kind: 'differs',
          detail: `file: recorded ${JSON.stringify(outcome.text)}, simulated ${JSON.stringify(text)}`,
        };
  }
  return replayCommand(parsed.case, prediction.dns, outcome);
}

/**
 * The `live` rows tell one container's life on the default bridge, and hold no host files: the host
 * began with the first file below, got the second, and then the container was restarted, connected
 * to a user-defined network and disconnected.
 */
const LIVE_BEFORE = 'search us-east-1.domain.com\nnameserver 10.20.0.2\n';
const LIVE_AFTER = 'search changed.example\nnameserver 10.20.0.9\n';
const onBridge: ContainerDnsRequest = {
  flags: noDnsSettings,
  network: 'default-bridge',
  ipv6: false,
};

function liveFile({ id, engine }: EngineCase): ContainerDnsPrediction {
  const host = (resolvConf: string): EngineHost => ({
    version: engine,
    resolvConf,
    uplinkResolvConf: undefined,
    daemon: noDnsSettings,
  });
  const restarted = predictContainerDns(host(LIVE_AFTER), onBridge);
  switch (id) {
    case 'live/host-file-changed':
      // A running container keeps its file.
      return predictContainerDns(host(LIVE_BEFORE), onBridge);
    case 'live/after-container-restart':
      return restarted;
    case 'live/after-network-connect':
    case 'live/after-network-disconnect':
      // Disconnecting does not undo what connecting did.
      return restarted.kind === 'unknown'
        ? restarted
        : predictAfterConnect(restarted.dns, host(LIVE_AFTER), host(LIVE_AFTER), onBridge);
    default:
      return {
        kind: 'unknown',
        why: `the row says nothing of host and network, and no '${id}' is known`,
      };
  }
}
