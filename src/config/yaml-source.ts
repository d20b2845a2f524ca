/** YAML text → plain data, with the line and column of every key and value. What the data means is for others. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { messageOf } from '../errors.ts';
import { type Fault, shown } from './problem.ts';
import { syntaxFault } from './yaml-syntax.ts';

export interface Place {
  /** From 1, as editors count. */
  readonly line: number;
  readonly column: number;
}

export interface PlacedFault {
  readonly place: Place;
  readonly fault: Fault;
  readonly value: string | null;
}

/** A text that was read. */
export interface YamlSource {
  /** Plain data, null for a text without any content; undefined where it cannot be known. */
  readonly data: unknown;
  /** In the order of the text. */
  readonly faults: readonly PlacedFault[];
  /** Where the value at a path is; where that is missing, the nearest that is there. */
  valueAt(path: readonly PropertyKey[]): Place;
  /** Where the last key of a path is. */
  keyAt(path: readonly PropertyKey[]): Place;
}

/** More than any hand-written file needs; a nest of aliases reaches millions. */
const MAX_ALIASES = 1_000;

/** Reads one YAML 1.2 document, with anchors, aliases and `<<` merges. Never throws. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Found below, with the place of the first one.
    uniqueKeys: false,
    merge: true,
    stringKeys: true,
    // 'silent' would also hide a second document.
    logLevel: 'error',
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const finder = new PlaceFinder(document, placeAt);
  const broken = [...syntaxFaults(document, text, placeAt), ...aliasFaults(document, placeAt)];
  const places = {
    valueAt: (path: readonly PropertyKey[]) => finder.find(path).value,
    keyAt: (path: readonly PropertyKey[]) => finder.find(path).key,
  };
  if (broken.length > 0) return { data: undefined, faults: inOrder(broken), ...places };
  try {
    const data: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { data, faults: keyFaults(document, placeAt), ...places };
  } catch (error) {
    const isMerge = messageOf(error).startsWith('Merge sources');
    const fault = isMerge
      ? { message: 'what << merges is no mapping', wayOut: 'give << an alias of a mapping' }
      : {
          message: 'has aliases that expand to far more than the file',
          wayOut: 'write the values out',
        };
    const place = placeAt(isMerge ? offsetOfMerge(document) : offsetOfAlias(document));
    return { data: undefined, faults: [{ place, fault, value: null }], ...places };
  }
}

function inOrder(faults: readonly PlacedFault[]): readonly PlacedFault[] {
  return [...faults].sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
}

/** One for each line: what follows on the line is the parser's confusion. */
function syntaxFaults(
  document: Document,
  text: string,
  placeAt: (offset: number) => Place,
): PlacedFault[] {
  const byLine = new Map<number, PlacedFault>();
  const lines = text.split('\n');
  const deep = document.errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  for (const error of deep === undefined ? document.errors : [deep]) {
    const { line, column } = placeAt(error.pos[0]);
    if (byLine.has(line)) continue;
    const { at, ...fault } = syntaxFault(error.code, error.message, lines[line - 1] ?? '');
    byLine.set(line, { place: { line, column: at ?? column }, fault, value: null });
  }
  if (byLine.size > 0) return [...byLine.values()];
  return document.warnings.map((warning) => ({
    place: placeAt(warning.pos[0]),
    fault: { message: `has a tag or directive that means nothing here`, wayOut: 'remove it' },
    value: null,
  }));
}

/** Aliases of nothing, or of themselves. */
function aliasFaults(document: Document, placeAt: (offset: number) => Place): PlacedFault[] {
  if (document.errors.length > 0) return [];
  const faults: PlacedFault[] = [];
  visit(document, {
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document);
      const isInsideItself = target !== undefined && ancestors.includes(target);
      if (target !== undefined && !isInsideItself) return;
      const fault = isInsideItself
        ? { message: 'is an alias inside what it stands for', wayOut: 'write the value out' }
        : {
            message: 'is an alias of nothing',
            wayOut: `put &${alias.source} before the value that it stands for`,
          };
      faults.push({ place: placeAt(startOf(alias)), fault, value: `*${alias.source}` });
    },
  });
  return faults;
}

function keyFaults(document: Document, placeAt: (offset: number) => Place): PlacedFault[] {
  const faults: PlacedFault[] = [];
  visit(document, {
    Map(_, map) {
      faults.push(...duplicateKeys(map, placeAt), ...lostKeys(map, placeAt));
    },
  });
  return faults;
}

/** `__proto__` would set what other keys fall back to, and be seen by nobody. */
function lostKeys(map: YAMLMap, placeAt: (offset: number) => Place): PlacedFault[] {
  return map.items.flatMap(({ key }) =>
    isScalar(key) && key.value === '__proto__'
      ? [
          {
            place: placeAt(startOf(key)),
            fault: { message: 'unknown key', wayOut: 'remove it' },
            value: shown('__proto__'),
          },
        ]
      : [],
  );
}

function duplicateKeys(map: YAMLMap, placeAt: (offset: number) => Place): PlacedFault[] {
  const firsts = new Map<string, number>();
  const faults: PlacedFault[] = [];
  for (const { key } of map.items) {
    if (!isScalar(key) || key.value === '<<') continue;
    const name = String(key.value);
    const first = firsts.get(name);
    if (first === undefined) {
      firsts.set(name, startOf(key));
      continue;
    }
    const { line } = placeAt(first);
    faults.push({
      place: placeAt(startOf(key)),
      fault: {
        message: 'duplicate key',
        wayOut: `keep one of the two; the other is on line ${line}`,
      },
      value: shown(name),
    });
  }
  return faults;
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function offsetOfAlias(document: Document): number {
  let offset = 0;
  visit(document, {
    Alias(_, alias) {
      offset = startOf(alias);
      return visit.BREAK;
    },
  });
  return offset;
}

/** The first `<<` whose value is neither a mapping nor a list of them. */
function offsetOfMerge(document: Document): number {
  let offset = 0;
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || key.value !== '<<') return undefined;
      const source = isAlias(value) ? value.resolve(document) : value;
      if (isMap(source) || (isSeq(source) && source.items.every((item) => !isScalar(item)))) {
        return undefined;
      }
      offset = startOf(key);
      return visit.BREAK;
    },
  });
  return offset;
}

/** Follows paths through the nodes of a document, through aliases and merges too. */
class PlaceFinder {
  readonly #document: Document;
  readonly #placeAt: (offset: number) => Place;

  constructor(document: Document, placeAt: (offset: number) => Place) {
    this.#document = document;
    this.#placeAt = placeAt;
  }

  find(path: readonly PropertyKey[]): { readonly key: Place; readonly value: Place } {
    let node: unknown = this.#document.contents;
    let key = startOf(node);
    let value = key;
    for (const step of path) {
      const resolved = this.#resolved(node);
      if (isSeq(resolved) && typeof step === 'number') {
        node = resolved.items[step];
        if (node === undefined) break;
        key = startOf(node);
        value = key;
        continue;
      }
      const pair = isMap(resolved) ? this.#pairOf(resolved, String(step)) : undefined;
      if (pair === undefined) break;
      node = pair.value;
      key = startOf(pair.key);
      // A key without a value: what there is to point at is the key.
      value = isScalar(node) && node.source === '' ? key : isNode(node) ? startOf(node) : key;
    }
    return { key: this.#placeAt(key), value: this.#placeAt(value) };
  }

  #resolved(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isNode(node) ? node : undefined;
  }

  #pairOf(map: YAMLMap, name: string): Pair | undefined {
    // Of duplicates the last one is the data.
    const own = map.items.findLast(({ key }) => isScalar(key) && String(key.value) === name);
    if (own !== undefined) return own;
    for (const pair of map.items) {
      if (!isPair(pair) || !isScalar(pair.key) || pair.key.value !== '<<') continue;
      const source = this.#resolved(pair.value);
      const merged = isSeq(source) ? source.items : [source];
      for (const item of merged) {
        const from = this.#resolved(item);
        const found = isMap(from) ? this.#pairOf(from, name) : undefined;
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
}
