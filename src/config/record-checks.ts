/** What static records mean together: one name once, aliases alone and without circles. */
import { parseDomain, parseRecordName } from './domain.ts';
import type { PathFault } from './issues.ts';
import { type Fault, shown } from './problem.ts';
import { entriesAt, isMapping, textAt } from './tolerant.ts';

/** Faults of `records`. Never throws, whatever the data. */
export function recordFaults(data: unknown): readonly PathFault[] {
  return [...spellingFaults(data), ...contentFaults(data), ...circleFaults(data)];
}

function atKey(key: string, fault: Fault): PathFault {
  return { path: ['records', key], of: 'key', fault, value: shown(key) };
}

/** `web` and `Web.` are one name. */
function spellingFaults(data: unknown): PathFault[] {
  const firsts = new Map<string, string>();
  return entriesAt(data, ['records']).flatMap(([key]) => {
    const result = parseRecordName(key);
    if ('fault' in result) return [];
    const first = firsts.get(result.value);
    if (first !== undefined) {
      return [
        atKey(key, {
          message: 'is the same name as another record',
          wayOut: `join it with ${shown(first)}`,
        }),
      ];
    }
    firsts.set(result.value, key);
    return [];
  });
}

function contentFaults(data: unknown): PathFault[] {
  return entriesAt(data, ['records']).flatMap(([key, value]) => {
    if (!isMapping(value)) return [];
    const content = ['addresses', 'txt', 'srv'].filter((name) => value[name] !== undefined);
    if (value.cname === undefined) {
      const isEmpty = content.length === 0;
      return isEmpty && Object.keys(value).every((name) => name === 'ttl')
        ? [atKey(key, { message: 'has nothing to answer', wayOut: 'add addresses: or cname:' })]
        : [];
    }
    return content.map((name) => ({
      path: ['records', key, name],
      of: 'key' as const,
      // RFC 2181 §10.1: an alias has no other data.
      fault: { message: 'stands beside cname', wayOut: 'keep one of the two' },
      value: null,
    }));
  });
}

/** An alias that leads back to itself, told once for each circle. */
function circleFaults(data: unknown): PathFault[] {
  const targets = new Map<string, { readonly key: string; readonly target: string }>();
  for (const [key] of entriesAt(data, ['records'])) {
    const name = parseRecordName(key);
    const target = textAt(data, ['records', key, 'cname']);
    const parsedTarget = target === undefined ? undefined : parseDomain(target.value);
    if ('fault' in name || parsedTarget === undefined || 'fault' in parsedTarget) continue;
    targets.set(name.value, { key, target: parsedTarget.value });
  }
  const told = new Set<string>();
  return [...targets].flatMap(([name, { key }]) => {
    const circle = circleFrom(name, targets);
    if (circle === undefined || circle.some((member) => told.has(member))) return [];
    for (const member of circle) told.add(member);
    const message = `is an alias that leads back to itself: ${[...circle, name].join(' → ')}`;
    return [
      {
        path: ['records', key, 'cname'],
        of: 'value' as const,
        fault: { message, wayOut: 'let one of them have addresses' },
        value: null,
      },
    ];
  });
}

function circleFrom(
  name: string,
  targets: ReadonlyMap<string, { readonly target: string }>,
): string[] | undefined {
  const seen: string[] = [];
  for (let at: string | undefined = name; at !== undefined; at = targets.get(at)?.target) {
    if (seen.includes(at)) return at === name ? seen : undefined;
    seen.push(at);
  }
  return undefined;
}
