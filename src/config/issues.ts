/** zod's issues → problems: the right branch of a union, the key that was meant, the value as written. */
import { z } from 'zod';
import { unpackFault } from './form.ts';
import { type Fault, shown } from './problem.ts';
import { fileSchema } from './schema.ts';
import { nearest } from './suggest.ts';

/** A fault at a path; `of` says whether its key or its value is meant. */
export interface PathFault {
  readonly path: readonly PropertyKey[];
  readonly of: 'key' | 'value';
  readonly fault: Fault;
  readonly value: string | null;
}

type Issue = z.core.$ZodIssue;

/** Checks the form of a file's data. @returns all that is wrong, empty for data of the right form */
export function formFaults(data: unknown): readonly PathFault[] {
  const checked = fileSchema.safeParse(data);
  if (checked.success) return [];
  return checked.error.issues.flatMap((issue) => faultsOf(issue, [], data));
}

function faultsOf(issue: Issue, prefix: readonly PropertyKey[], data: unknown): PathFault[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key]));
  }
  if (issue.code === 'invalid_union') {
    const branch = meantBranch(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => faultsOf(inner, path, data));
  }
  if (issue.code === 'invalid_key') {
    const fault = faultOfMessage(issue.issues[0]?.message ?? issue.message);
    return [{ path, of: 'key', fault, value: shown(path.at(-1)) }];
  }
  const value = valueAt(data, path);
  if (value === undefined) return [missingKey(path)];
  if (value === null) return [emptyValue(path)];
  return [{ path, of: 'value', fault: faultOfMessage(issue.message), value: shown(value) }];
}

/** The branch of a union that the value's type fits, so that its inner errors are what matters. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find(
    (issues) =>
      !issues.some(
        ({ code, path }) =>
          path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'),
      ),
  );
}

function faultOfMessage(message: string): Fault {
  return (
    unpackFault(message) ?? {
      message: message.toLowerCase(),
      wayOut: 'see `homeport config schema`',
    }
  );
}

function missingKey(path: readonly PropertyKey[]): PathFault {
  const key = String(path.at(-1));
  return {
    path: path.slice(0, -1),
    of: 'value',
    fault: { message: `has no ${key}`, wayOut: `add ${key}: ${exampleOf(path)}` },
    value: null,
  };
}

function emptyValue(path: readonly PropertyKey[]): PathFault {
  const wayOut =
    typeof path.at(-1) === 'number'
      ? 'remove the item'
      : `write ${exampleOf(path)}, or remove the key`;
  return { path, of: 'value', fault: { message: 'has no value', wayOut }, value: null };
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined;
  }
  return value;
}

/** What people write who come from other servers. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    nameserver: 'upstreams',
    nameservers: 'upstreams',
    forwarders: 'upstreams',
    servers: 'upstreams',
    server: 'upstreams',
    port: 'listen',
    bind: 'listen',
    domain: 'region',
    hosts: 'records',
    docker: 'engines',
    socket: 'control',
  }),
);

function unknownKey(path: readonly PropertyKey[]): PathFault {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const here = keysAt(parent);
  return {
    path,
    of: 'key',
    fault: { message: 'unknown key', wayOut: meantKey(key, parent, here) },
    value: null,
  };
}

function meantKey(key: string, parent: readonly PropertyKey[], here: readonly string[]): string {
  const near = nearest(key, here);
  if (near !== undefined) return `did you mean ${near}?`;
  const other = parent.length === 0 ? OTHER_WORDS.get(key.toLowerCase()) : undefined;
  if (other !== undefined) return `did you mean ${other}?`;
  const home = parent.length === 0 ? homeOf(key) : topLevelKeys().includes(key) ? '' : undefined;
  if (home === '') return 'it belongs at the top level';
  if (home !== undefined) return `it belongs under ${home}:`;
  return `known here: ${here.join(', ')}`;
}

/** As much of JSON Schema as is needed to walk it. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
}

let root: SchemaNode | undefined;

function schemaRoot(): SchemaNode {
  root ??= z.toJSONSchema(fileSchema, { io: 'input' }) as SchemaNode;
  return root;
}

function topLevelKeys(): readonly string[] {
  return Object.keys(schemaRoot().properties ?? {});
}

/** The key under whose mapping this one is known. */
function homeOf(key: string): string | undefined {
  return Object.entries(schemaRoot().properties ?? {}).find(
    ([, node]) => node.properties !== undefined && Object.hasOwn(node.properties, key),
  )?.[0];
}

function keysAt(path: readonly PropertyKey[]): readonly string[] {
  return nodesAt(path).flatMap((node) => Object.keys(node.properties ?? {}));
}

function exampleOf(path: readonly PropertyKey[]): string {
  for (const node of nodesAt(path)) {
    const example = node.examples?.[0] ?? node.enum?.[0] ?? exampleOfItems(node);
    if (example !== undefined) return String(example);
  }
  return 'one';
}

function exampleOfItems(node: SchemaNode): string | undefined {
  const [example] = node.items?.examples ?? [];
  return example === undefined ? undefined : `[${String(example)}]`;
}

function nodesAt(path: readonly PropertyKey[]): readonly SchemaNode[] {
  let nodes: readonly SchemaNode[] = [schemaRoot()];
  for (const step of path) {
    nodes = nodes.flatMap(alternatives).flatMap((node) => {
      if (typeof step === 'number') return node.items === undefined ? [] : [node.items];
      const { properties = {} } = node;
      const own = Object.hasOwn(properties, String(step)) ? properties[String(step)] : undefined;
      if (own !== undefined) return [own];
      return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
    });
  }
  return nodes.flatMap(alternatives);
}

function alternatives(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf === undefined ? [node] : node.anyOf.flatMap(alternatives);
}
