/** `homeport host plan`: what was found, what would change, and why. */

import { readFileSync } from 'node:fs';
import { OWN_ADDRESSES } from '../host/addresses.ts';
import type { FileToWrite, Plan } from '../host/plan/change.ts';
import { describeResolvConf } from '../host/plan/decide.ts';
import { unifiedDiff } from '../host/plan/diff.ts';
import { EXIT } from './exit-code.ts';
import { type HostContext, hostContext, type PlanFlags } from './host-context.ts';
import { table } from './table.ts';
import { printable, type Terminal } from './terminal.ts';

/** A new file of homeport's own that is longer is named, with its first words. */
const MAX_NEW_LINES = 10;

/** Prints the plan; exit code 0 where an install may begin or was made, 1 where it is refused. */
export async function hostPlan(flags: PlanFlags, terminal: Terminal): Promise<number> {
  const context = await hostContext(flags);
  const refusals = context.plan.refusals.filter(({ reason }) => !reason.startsWith('only root'));
  if (flags.json === true) {
    terminal.out(`${JSON.stringify(planJson(context), null, 2)}\n`);
  } else {
    terminal.out(planText(context, terminal, flags.full === true));
  }
  return refusals.length > 0 ? EXIT.FAILED : EXIT.OK;
}

/** The plan for programs: fields may be added, never renamed. */
export function planJson(context: HostContext): Readonly<Record<string, unknown>> {
  const { plan, situation, decision, manifest } = context;
  return {
    installed: manifest === null ? null : manifest.state,
    situation,
    decision,
    changes: plan.changes.map(({ id, why, files, folders, activate, deactivate, settle }) => ({
      id,
      why,
      files: files.map(({ path, text, mode }) => ({
        path,
        mode: mode.toString(8),
        diff: diffOf(path, text),
      })),
      folders: folders.map(({ path }) => path),
      activate,
      deactivate,
      settle,
    })),
    engineRestart: plan.engineRestart,
    notes: plan.notes,
    refusals: plan.refusals,
  };
}

/**
 * The plan for people: found, changes as diffs, notes, and what stands in the way.
 *
 * @param isFull long files that are homeport's own and new are printed too, not only named
 */
export function planText(context: HostContext, terminal: Terminal, isFull: boolean): string {
  const { plan, manifest } = context;
  const { paint } = terminal;
  const parts = [`${paint.bold('found')}\n${foundText(context, terminal)}`];
  if (manifest !== null) {
    parts.push(`${paint.bold('homeport')} is ${manifest.state} here since ${manifest.since}\n`);
  }
  for (const change of plan.changes) {
    const diffs = change.files.map((file) => {
      const before = readText(file.path);
      return before === null && file.format === 'own' && !isFull
        ? newFileText(file, terminal)
        : coloured(unifiedDiff(file.path, before, file.text), terminal);
    });
    const commands = change.activate.flatMap((action) =>
      action.kind === 'run' ? [`  ${paint.dim('$')} ${action.argv.join(' ')}\n`] : [],
    );
    const isDone = manifest !== null && diffs.every((diff) => diff === '');
    const body = isDone ? [`  ${paint.dim('already so')}\n`] : [...diffs, ...commands];
    parts.push(`${paint.bold(change.id)}: ${change.why}\n${body.join('')}`);
  }
  parts.push(consequences(plan, terminal));
  return `${parts.filter((part) => part !== '').join('\n')}`;
}

function foundText({ situation, settings, decision }: HostContext, terminal: Terminal): string {
  const { engine, resolved, networkManager, nscd } = situation;
  const none = 'not running';
  const rows = [
    ['resolv.conf', describeResolvConf(situation, decision.writer)],
    ['asks', decision.upstreams.join(', ') || 'nobody'],
    ['region', settings.searchDomains.join(', ') || 'none'],
    ['nsswitch', situation.nsswitch.join(' ')],
    ['systemd', situation.systemd === null ? 'not process 1' : String(situation.systemd)],
    ['resolved', resolved?.isActive === true ? linksText(resolved.links) : none],
    [
      'NetworkManager',
      networkManager === null
        ? none
        : `dns=${networkManager.mode}, rc-manager=${networkManager.rcManager}`,
    ],
    ['engine', engine === null ? 'none' : engineText(engine)],
    ['nscd', nscd === null ? none : nscd.cachesHosts ? 'keeps host names' : 'keeps no host names'],
    ['port 53', holdersText(situation.port53)],
    [
      'security',
      [
        situation.selinux === null ? '' : `SELinux ${situation.selinux}`,
        situation.hasAppArmor ? 'AppArmor' : '',
      ]
        .filter((word) => word !== '')
        .join(', ') || 'neither SELinux nor AppArmor',
    ],
  ];
  return table(
    rows.map(([key = '', value = '']) => [`  ${terminal.paint.dim(key)}`, printable(value)]),
    terminal.columns(),
  );
}

function linksText(
  links: readonly {
    readonly name: string;
    readonly servers: readonly string[];
    readonly domains: readonly string[];
  }[],
): string {
  const used = links.filter(({ servers }) => servers.length > 0);
  if (used.length === 0) return 'running, no link has a server';
  return used
    .map(({ name, servers, domains }) => [`${name}:`, ...servers, ...domains].join(' '))
    .join('; ');
}

function engineText(engine: NonNullable<HostContext['situation']['engine']>): string {
  const containers = `${engine.running.length} running container${engine.running.length === 1 ? '' : 's'}`;
  const state = engine.isActive ? `answers, ${containers}` : 'does not answer';
  return `${state}; ${engine.file} ${engine.fileKind === 'missing' ? 'does not exist' : `is a ${engine.fileKind}`}`;
}

function holdersText(holders: HostContext['situation']['port53']): string {
  const words = holders.map(
    ({ address, protocol, program, unit }) =>
      `${protocol} ${address} ${program ?? '?'}${unit === null ? '' : ` (${unit})`}`,
  );
  return words.join(', ') || `free; homeport takes ${OWN_ADDRESSES.join(' and ')}`;
}

function consequences({ engineRestart, notes, refusals }: Plan, { paint }: Terminal): string {
  const lines: string[] = [];
  if (engineRestart !== null) {
    const { unit, goDown, keepOldDns } = engineRestart;
    const down = goDown.map(({ name, comesBack }) => `${name}${comesBack ? '' : ' (stays down)'}`);
    lines.push(
      down.length === 0
        ? `${paint.yellow('engine')} ${unit} is restarted; containers keep running`
        : `${paint.yellow('engine')} ${unit} is restarted, and with it go down: ${down.join(', ')}`,
    );
    if (keepOldDns.length > 0) {
      lines.push(
        `${paint.yellow('engine')} these ask their old servers until they are restarted: ${keepOldDns.join(', ')}`,
      );
    }
  }
  for (const note of notes) lines.push(`${paint.yellow('note')} ${printable(note)}`);
  for (const { reason, wayOut } of refusals) {
    lines.push(`${paint.red('refused')} ${printable(reason)}; ${printable(wayOut)}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function diffOf(path: string, text: string): string {
  return unifiedDiff(path, readText(path), text);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** A new file of homeport's own, in full where it is short. */
function newFileText({ path, text }: FileToWrite, terminal: Terminal): string {
  const lines = text.split('\n').length - 1;
  const diff = unifiedDiff(path, null, text);
  if (lines <= MAX_NEW_LINES) return coloured(diff, terminal);
  const about = text.split('\n').find((line) => /^# /.test(line)) ?? '';
  const { green, dim } = terminal.paint;
  const head = coloured(diff.split('\n').slice(0, 2).join('\n'), terminal);
  const rest = dim(`${lines} lines, homeport's own; --full prints them`);
  return `${head}\n  ${green(printable(`+${about}`))}\n  ${rest}\n`;
}

function coloured(diff: string, { paint }: Terminal): string {
  return diff
    .split('\n')
    .map((line) => {
      if (line === '') return '';
      const paintLine = line.startsWith('+')
        ? paint.green
        : line.startsWith('-')
          ? paint.red
          : paint.dim;
      return `  ${paintLine(printable(line))}`;
    })
    .join('\n');
}
