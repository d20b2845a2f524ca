/** One line of the engine's event stream → what homeport does about it. Pure. */
import { namesInAttributes } from './claims.ts';
import { isObject, labelsAt, objectAt, textAt } from './shape.ts';

/**
 * Events worth hearing; exec_* would come with every health probe. Health events match by prefix on all
 * engines. Not for Podman, which refuses a filter with a word that it does not know.
 */
export const EVENT_FILTERS: Readonly<Record<'type' | 'event', readonly string[]>> = {
  type: ['container', 'network', 'service', 'node'],
  event: [
    'create',
    'start',
    'die',
    'stop',
    'pause',
    'unpause',
    'rename',
    'update',
    'destroy',
    'remove',
    'restart',
    'kill',
    'health_status',
    'connect',
    'disconnect',
  ],
};

/** What changes nothing that names depend on; Podman sends these too, for it gets no filter. */
const IDLE_ACTIONS =
  /^(?:exec|attach|detach|top|resize|commit|copy|export|archive-path|extract-to-dir|mount|unmount|sync|oom)/;
/** Docker's word and Podman's. */
const DEATHS: ReadonlySet<string> = new Set(['die', 'died']);

/** What an event means here: never more than which thing has changed. */
export type EngineEvent = {
  /** Tells events apart: the same event has the same key on every stream. */
  readonly key: string;
  /** Milliseconds since the epoch by the engine's clock. */
  readonly atMs: number;
} & (
  | { readonly kind: 'container'; readonly id: string; readonly names: readonly string[] }
  /** It was made. `name` and `labels` are its own: the engine writes both, and no label can stand for the name. */
  | {
      readonly kind: 'create';
      readonly id: string;
      readonly names: readonly string[];
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
    }
  /** It gave up one name for another, and left the first to whoever is renamed to it. */
  | {
      readonly kind: 'rename';
      readonly id: string;
      readonly names: readonly string[];
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: 'kill'; readonly id: string }
  /** Its process ended; the engine may take its time to say so when asked. */
  | { readonly kind: 'die'; readonly id: string; readonly names: readonly string[] }
  /** A container gets an address: the network knows it before the container says so. */
  | { readonly kind: 'connect'; readonly id: string; readonly network: string }
  | { readonly kind: 'disconnect'; readonly id: string; readonly network: string }
  | { readonly kind: 'networks' }
  /** A Swarm service or node changed; `service` is '' for a node. */
  | { readonly kind: 'swarm'; readonly service: string; readonly names: readonly string[] }
  | { readonly kind: 'other' }
);

/** Reads one line; undefined where it is no event at all. Never throws. */
export function parseEvent(line: string): EngineEvent | undefined {
  let body: unknown;
  try {
    body = JSON.parse(line);
  } catch {
    return undefined;
  }
  const type = textAt(body, 'Type');
  const action = textAt(body, 'Action');
  const actor = objectAt(body, 'Actor');
  const id = textAt(actor, 'ID');
  if (!isObject(body) || type === '' || action === '') return undefined;
  const attributes = labelsAt(actor, 'Attributes');
  const nanoseconds = typeof body.timeNano === 'number' ? body.timeNano : 0;
  const stamp = {
    key: [nanoseconds, type, action, id, attributes.container ?? ''].join(' '),
    atMs: nanoseconds / 1e6,
  };
  return { ...stamp, ...meaningOf(type, action, id, attributes) };
}

type Meaning = EngineEvent extends infer Event
  ? Event extends EngineEvent
    ? Omit<Event, 'key' | 'atMs'>
    : never
  : never;

function meaningOf(
  type: string,
  action: string,
  id: string,
  attributes: Readonly<Record<string, string>>,
): Meaning {
  switch (type) {
    case 'container':
      if (id === '' || IDLE_ACTIONS.test(action)) return { kind: 'other' };
      if (action === 'kill') return { kind: 'kill', id };
      if (action === 'rename') return renaming(id, attributes);
      if (action === 'create') return creation(id, attributes);
      return {
        kind: DEATHS.has(action) ? 'die' : 'container',
        id,
        names: namesInAttributes(attributes),
      };
    case 'network':
      if (action !== 'connect' && action !== 'disconnect') return { kind: 'networks' };
      // Podman names the container as the actor, and no network.
      if (attributes.container === undefined) return { kind: 'container', id, names: [] };
      return { kind: action, id: attributes.container, network: id };
    case 'service':
      return { kind: 'swarm', service: id, names: namesInAttributes(attributes) };
    case 'node':
      return { kind: 'swarm', service: '', names: [] };
    default:
      return { kind: 'other' };
  }
}

function renaming(id: string, attributes: Readonly<Record<string, string>>): Meaning {
  // The first of all names is that of the container itself; the engine writes the old one with a slash.
  const [to = ''] = namesInAttributes({ name: attributes.name ?? '' });
  const [from = ''] = namesInAttributes({ oldName: attributes.oldName ?? '' });
  return { kind: 'rename', id, names: namesInAttributes(attributes), from, to };
}

function creation(id: string, attributes: Readonly<Record<string, string>>): Meaning {
  const { name = '', image: _, ...labels } = attributes;
  return { kind: 'create', id, names: namesInAttributes(attributes), name, labels };
}
