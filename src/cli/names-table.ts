/** Owned names as a person reads them. */
import type { ControlEvent, GroupReport, NameReport, NamesReport } from '../control/reports.ts';
import { counted } from './counted.ts';
import { verdictText } from './parity-line.ts';
import { table } from './table.ts';
import { printable, type Terminal } from './terminal.ts';

/** A table of all names, and a line that sums it up. */
export function namesTable(report: NamesReport, { paint, columns }: Terminal): string {
  const { names, missing } = report;
  const engines = new Set(names.flatMap(({ groups }) => groups.map(({ engine }) => engine)));
  engines.delete('');
  const rows = [...names]
    .sort((a, b) => compare(a.name, b.name))
    .flatMap((name) => rowsOf(name, engines.size > 1, paint));
  const missingRows = missing.map((name) => [
    paint.red(printable(name)),
    paint.red('missing'),
    '',
    paint.red('expected here, and nobody owns it'),
  ]);
  const head = ['NAME', 'ADDRESS', 'NETWORK', 'OWNER'].map((title) => paint.dim(title));
  const departedRows = (report.departed ?? [])
    .filter(({ name }) => !missing.includes(name))
    .map(({ name, owner, until }) => [
      paint.dim(printable(name)),
      paint.dim('gone'),
      '',
      paint.dim(
        printable(`${owner ?? 'its owner'} had it; not looked up elsewhere until ${until}`),
      ),
    ]);
  const body = [...rows, ...departedRows, ...missingRows];
  return `${body.length === 0 ? '' : table([head, ...body], columns())}${summary(report, paint)}\n${parityLine(report, paint)}`;
}

function parityLine({ parity }: NamesReport, paint: Terminal['paint']): string {
  if (parity === undefined) return '';
  const wayOut = parity === null || parity.verdict === 'parity' ? '' : '; see `homeport parity`';
  return `parity with production: ${verdictText(parity, paint)}${wayOut}\n`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One row for each address; what comes after the first group only waits for the name. */
function rowsOf(name: NameReport, showsEngine: boolean, paint: Terminal['paint']): string[][] {
  let title = paint.bold(printable(name.name));
  return name.groups.flatMap((group, index) => {
    const addresses: readonly { readonly address: string; readonly network: string | null }[] =
      group.addresses.length === 0
        ? [{ address: group.cname == null ? 'no address' : `→ ${group.cname}`, network: null }]
        : group.addresses;
    return addresses.map(({ address, network }, row) => {
      const cells = [
        title,
        index === 0 ? paint.green(printable(address)) : paint.dim(printable(address)),
        paint.dim(printable(network ?? '')),
        row === 0 ? ownerText(group, index, showsEngine, paint) : '',
      ];
      title = '';
      return cells;
    });
  });
}

function ownerText(
  group: GroupReport,
  index: number,
  showsEngine: boolean,
  paint: Terminal['paint'],
): string {
  const kind =
    group.kind === 'container' ? '' : `${group.kind === 'static' ? 'static record' : group.kind} `;
  // A record or lease is called like its name.
  const isOwnName = group.kind === 'static' || group.kind === 'lease';
  const owner = isOwnName ? kind.trim() : `${kind}${group.owner}`;
  const about = [
    ...(group.project === null ? [] : [group.project]),
    ...(showsEngine && group.engine !== '' ? [group.engine] : []),
  ];
  const where = about.length === 0 ? '' : paint.dim(` (${about.join(', ')})`);
  const state = group.ready ? '' : paint.yellow(`  ${conditionText(group)}`);
  const trouble = group.members?.find((member) => member.trouble !== null)?.trouble;
  const why = trouble == null ? '' : paint.yellow(`  ${printable(trouble)}`);
  const collides = index === 0 ? '' : paint.yellow('  claims it too');
  const ends = group.until === undefined ? '' : paint.dim(`  until ${group.until}`);
  return `${printable(owner)}${where}${ends}${state}${why}${collides}`;
}

/** Of those who are not ready, how they are. */
function conditionText({ members = [] }: GroupReport): string {
  const conditions = members.map(({ condition }) => condition).filter((word) => word !== 'ready');
  return [...new Set(conditions)].join(', ') || 'not ready';
}

function summary({ names, missing }: NamesReport, paint: Terminal['paint']): string {
  const collisions = names.filter(({ collision }) => collision).length;
  const parts = [
    names.length === 0 ? 'no names are owned' : counted(names.length, 'name'),
    ...(collisions === 0 ? [] : [paint.yellow(counted(collisions, 'collision'))]),
    ...(missing.length === 0
      ? []
      : [paint.red(`${counted(missing.length, 'expected name')} missing`)]),
  ];
  return parts.join(', ');
}

/** One line for one event. */
export function changeLine(event: ControlEvent, { paint }: Terminal): string {
  switch (event.kind) {
    case 'name':
      return nameLine(event, paint);
    case 'engine': {
      const why = event.reason === null ? '' : `: ${event.reason}`;
      return `${paint.yellow('!')} ${printable(`engine ${event.engine} is ${event.state}${why}`)}\n`;
    }
    case 'reload':
      return event.isReloaded
        ? `${paint.green('!')} configuration reloaded\n`
        : `${paint.red('!')} configuration not reloaded: ${printable(event.problems[0] ?? '')}\n`;
    case 'parity': {
      const mark = event.report.verdict === 'parity' ? paint.green('!') : paint.yellow('!');
      return `${mark} parity with production: ${verdictText(event.report, paint)}\n`;
    }
    case 'lost':
      return `${paint.yellow('!')} some changes were not shown\n`;
  }
}

function nameLine(
  { name, report }: ControlEvent & { kind: 'name' },
  paint: Terminal['paint'],
): string {
  const [first] = report?.groups ?? [];
  if (first === undefined) return `${paint.red('-')} ${printable(name)}\n`;
  const addresses = first.addresses.map(({ address }) => address).join(' ') || 'no address';
  return `${paint.green('+')} ${printable(`${name} ${addresses} ${first.owner}`)}\n`;
}
