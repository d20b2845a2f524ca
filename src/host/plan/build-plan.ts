/** The whole plan of an install: what was found decides, and every change is spelled out before one is made. Pure. */
import {
  CONTAINER_ADDRESS,
  FALLBACK_SCRIPT,
  HOST_ADDRESS,
  OPTIONS_FILE,
  OWN_ADDRESSES,
  RESOLV_CONF,
  UNDO_SCRIPT,
  UPSTREAM_FILE,
} from '../addresses.ts';
import type { Situation } from '../situation.ts';
import type { Change, FileToWrite, HostSettings, Plan, UnitTexts } from './change.ts';
import { type Decision, decide } from './decide.ts';
import { planEngine } from './engine.ts';
import { fallbackScript } from './fallback-script.ts';
import { muzzleChanges } from './muzzle.ts';
import { notesOf } from './notes.ts';
import { nscdChange } from './nscd.ts';
import { refusalsOf } from './refusals.ts';
import { FALLBACK_MARK, ownResolvConf } from './resolv-conf-text.ts';
import {
  RESOLVED_FILE,
  RESOLVED_FOLDER,
  resolvedFallbackText,
  resolvedText,
} from './resolved-text.ts';
import { savedName, undoScript } from './undo-script.ts';
import { unitsChange } from './units.ts';

/**
 * Plans an install on the host as it was before homeport.
 *
 * @param units the unit files as shipped
 * @returns changes in an order in which a host that stops between any two of them still resolves
 */
export function buildPlan(situation: Situation, settings: HostSettings, units: UnitTexts): Plan {
  const decision = decide(situation, settings.searchDomains);
  const engine =
    situation.engine === null ? null : planEngine(situation.engine, settings, decision);
  const texts = textsOf(situation, settings, decision);
  const changes: Change[] = [];
  if (settings.configText !== null)
    changes.push(configChange(settings.configFile, settings.configText));
  changes.push(unitsChange(situation, settings, units));
  changes.push(...muzzleChanges(situation, decision));
  if (texts.resolved !== null) changes.push(resolvedChange(texts.resolved.text));
  if (texts.resolvConf !== null) {
    changes.push(resolvConfChange(texts.resolvConf, situation.resolvConf.text));
  }
  if (engine?.change) changes.push(engine.change);
  if (settings.stopsNscdHosts && situation.nscd?.cachesHosts === true) {
    changes.push(nscdChange(situation.nscd.conf));
  }
  changes.unshift(stateChange(settings, decision, texts, undoScript(changes)));
  return {
    changes,
    refusals: refusalsOf(situation, settings, decision),
    notes: [...notesOf(situation, settings, decision), ...(engine?.notes ?? [])],
    engineRestart: engine?.restart ?? null,
  };
}

interface Texts {
  readonly resolvConf: string | null;
  readonly resolved: { readonly text: string; readonly fallbackText: string } | null;
}

function textsOf(situation: Situation, settings: HostSettings, decision: Decision): Texts {
  const { searchDomains } = settings;
  const globalServers = situation.resolved?.globalServers ?? [];
  return {
    resolvConf: decision.replacesFile
      ? ownResolvConf(
          situation.resolvConf.text,
          CONTAINER_ADDRESS,
          searchDomains,
          savedName(RESOLV_CONF),
        )
      : null,
    resolved: decision.usesResolved
      ? {
          text: resolvedText(searchDomains),
          fallbackText: resolvedFallbackText(searchDomains, globalServers),
        }
      : null,
  };
}

function stateChange(
  settings: HostSettings,
  decision: Decision,
  texts: Texts,
  undo: string,
): Change {
  const keepsUpstreams = decision.upstreamFile === UPSTREAM_FILE;
  const options = ['--listen', `${HOST_ADDRESS}:53`, '--listen', `${CONTAINER_ADDRESS}:53`];
  if (settings.regionFlag !== null) options.push('--region', settings.regionFlag);
  if (!settings.hasUpstreams) options.push('--resolv-conf', decision.upstreamFile);
  const script = fallbackScript({
    resolvConf:
      texts.resolvConf === null
        ? null
        : {
            text: texts.resolvConf,
            upstreamFile: decision.upstreamFile,
            servers: [...decision.upstreams, ...settings.upstreamAddresses].filter(
              (address) => !OWN_ADDRESSES.includes(address),
            ),
          },
    resolved: texts.resolved,
  });
  const files: FileToWrite[] = [
    {
      path: OPTIONS_FILE,
      text: `HOMEPORT_OPTIONS=${options.join(' ')}\n`,
      mode: 0o644,
      format: 'own',
    },
    { path: FALLBACK_SCRIPT, text: script, mode: 0o755, format: 'own' },
    { path: UNDO_SCRIPT, text: undo, mode: 0o755, format: 'own' },
  ];
  if (keepsUpstreams) {
    const servers = decision.upstreams.map((address) => `nameserver ${address}\n`).join('');
    files.push({
      path: UPSTREAM_FILE,
      text: `# What this host asked before homeport, and homeport asks now.\n${servers}`,
      mode: 0o644,
      format: 'own',
      // A lease or openresolv writes newer ones.
      ownMark: '',
    });
  }
  return {
    id: 'state',
    why: 'what homeport must know of this host: whom it asked before, and how to ask them again while homeport is down',
    folders: [],
    files,
    activate: [],
    deactivate: [],
    settle: [],
  };
}

function configChange(path: string, text: string): Change {
  return {
    id: 'config',
    why: 'there is no configuration yet',
    folders: [],
    files: [{ path, text, mode: 0o644, format: 'given' }],
    activate: [],
    deactivate: [],
    settle: [],
  };
}

function resolvedChange(text: string): Change {
  const restart = {
    kind: 'run',
    argv: ['systemctl', 'restart', 'systemd-resolved.service'],
  } as const;
  return {
    id: 'resolved',
    why: 'systemd-resolved asks homeport for everything, the region first, and bare names too',
    folders: [{ path: RESOLVED_FOLDER, mode: 0o755 }],
    files: [{ path: RESOLVED_FILE, text, mode: 0o644, format: 'lines', ownMark: FALLBACK_MARK }],
    activate: [restart],
    deactivate: [],
    settle: [restart],
  };
}

function resolvConfChange(text: string, madeFrom: string | null): Change {
  return {
    id: 'resolv-conf',
    why: 'the host asks homeport alone, and the engine copies this file into containers',
    folders: [],
    files: [
      {
        path: RESOLV_CONF,
        text,
        mode: 0o644,
        format: 'resolv.conf',
        ownMark: FALLBACK_MARK,
        madeFrom,
      },
    ],
    activate: [],
    deactivate: [],
    settle: [],
  };
}
