/** The engine's part: `dns` in daemon.json, and what a restart of the engine does to what runs. Pure. */
import { CONTAINER_ADDRESS } from '../addresses.ts';
import type { EngineSituation } from '../situation.ts';
import type { Change, EngineRestart, HostSettings } from './change.ts';
import type { Decision } from './decide.ts';
import { editJson, readJsonObject } from './json-edit.ts';

export interface EnginePlan {
  /** null: nothing to change. */
  readonly change: Change | null;
  readonly restart: EngineRestart | null;
  readonly notes: readonly string[];
}

/**
 * Plans the engine's settings. Where resolv.conf is homeport's own file the engine copies it into
 * containers, and needs none; where it is systemd-resolved's stub the engine takes the servers behind
 * it, which are production's.
 */
export function planEngine(
  engine: EngineSituation,
  settings: HostSettings,
  decision: Decision,
): EnginePlan {
  const notes = containerNotes(engine);
  const nothing = { change: null, restart: null };
  const object = readJsonObject(engine.text ?? '');
  if (object.kind === 'fault') {
    const fault = `${engine.file}: ${object.fault}; mend it, then run homeport host install again for the containers`;
    return { ...nothing, notes: [...notes, fault] };
  }
  const hasDns = object.value.dns !== undefined;
  const copiesOurFile = decision.replacesFile && decision.rivalLinks.length === 0;
  if (copiesOurFile && !hasDns && engine.dnsFlags.length === 0) return { ...nothing, notes };
  if (engine.dnsFlags.length > 0) {
    const flags = engine.dnsFlags.join(' ');
    const note = `dockerd has ${flags} as a flag and would not start with it in ${engine.file} too; set --dns ${CONTAINER_ADDRESS} there`;
    return { ...nothing, notes: [...notes, note] };
  }
  if (engine.fileKind === 'link' || engine.fileKind === 'other') {
    const note = `${engine.file} is no regular file; set "dns": ["${CONTAINER_ADDRESS}"] where it is made`;
    return { ...nothing, notes: [...notes, note] };
  }
  const text = editJson(engine.text ?? '', wantedKeys(settings));
  if (text === engine.text) return { ...nothing, notes };
  return { change: engineChange(engine, text), restart: restartOf(engine), notes };
}

function wantedKeys(settings: HostSettings): Readonly<Record<string, readonly string[]>> {
  const dns = { dns: [CONTAINER_ADDRESS] };
  return settings.searchDomains.length === 0
    ? dns
    : { ...dns, 'dns-search': [...settings.searchDomains] };
}

function engineChange(engine: EngineSituation, text: string): Change {
  return {
    id: 'engine',
    why: 'containers on the default bridge would get the servers behind systemd-resolved, and reach production',
    folders: [{ path: engine.file.replace(/\/[^/]*$/, ''), mode: 0o755 }],
    files: [
      {
        path: engine.file,
        text,
        mode: 0o644,
        format: 'json',
        madeFrom: engine.text,
        alsoOurs: [text, engine.text]
          .flatMap((base) => [withLiveRestore(base, true), withLiveRestore(base, false)])
          .filter((momentary) => momentary !== engine.text && momentary !== text),
      },
    ],
    activate: engine.isActive ? [{ kind: 'restart-engine', direction: 'install' }] : [],
    deactivate: [],
    settle: engine.isActive ? [{ kind: 'restart-engine', direction: 'uninstall' }] : [],
  };
}

/** What dockerd's file says before and after a restart that does not take its containers down. */
export function withLiveRestore(text: string | null, isOn: boolean): string {
  return editJson(text ?? '', { 'live-restore': isOn });
}

/** What a restart of the engine means for what runs on it; null: it is not running. */
export function restartOf(engine: EngineSituation): EngineRestart | null {
  if (!engine.isActive) return null;
  // live-restore can be switched on without a restart, and so for the length of one; a swarm refuses it.
  const keepsContainers = engine.hasLiveRestore || !engine.isSwarm;
  return {
    unit: engine.unit ?? 'docker.service',
    keepsContainers,
    goDown: keepsContainers
      ? []
      : engine.running.map(({ name, restarts }) => ({ name, comesBack: restarts })),
    keepOldDns: engine.running
      .filter(({ isOnDefaultBridge, ownDns }) => isOnDefaultBridge && ownDns.length === 0)
      .map(({ name }) => name),
  };
}

function containerNotes(engine: EngineSituation): readonly string[] {
  const own = engine.running.filter(({ ownDns }) => ownDns.length > 0);
  return own.map(
    ({ name, ownDns }) =>
      `container ${name} has DNS servers of its own (${ownDns.join(', ')}) and does not ask homeport`,
  );
}
