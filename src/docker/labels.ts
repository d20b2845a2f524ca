/** The `homeport.*` labels of a container, and Compose's. What a label says wrongly is left out and said. Pure. */

const COMPOSE = 'com.docker.compose.';
/** Swarm's stacks are to it what projects are to Compose. */
const STACK = 'com.docker.stack.namespace';
/** RFC 2181 §8: a TTL is a signed 32-bit number that is not negative. */
const MAX_TTL_SECONDS = 0x7fffffff;
/** RFC 1035 §3.3: a character-string has one length byte. */
const MAX_TEXT_BYTES = 255;
const NO: ReadonlySet<string> = new Set(['false', '0', 'no', 'off']);

export interface NamedPort {
  /** `_mongodb._tcp` */
  readonly service: string;
  readonly port: number;
}

/** What the labels ask for. */
export interface Wishes {
  readonly isIgnored: boolean;
  readonly names: readonly string[];
  readonly ttlSeconds: number | null;
  /** A network's name. */
  readonly network: string | null;
  /** The TCP port that must accept before the container counts as ready. */
  readonly readyPort: number | null;
  readonly ports: readonly NamedPort[];
  readonly texts: readonly string[];
  /** One line for each label that could not be followed. */
  readonly problems: readonly string[];
}

/** The Compose service that a container is a replica of. */
export interface ComposeService {
  readonly project: string;
  readonly service: string;
}

type Labels = Readonly<Record<string, string>>;

/** Reads the `homeport.*` labels. Never throws. */
export function wishesOf(labels: Labels): Wishes {
  const problems: string[] = [];
  const refuse = (label: string, way: string): null => {
    problems.push(`label ${label}=${JSON.stringify(labels[label])} is ignored: ${way}`);
    return null;
  };
  const ignore = labels['homeport.ignore'];
  return {
    isIgnored: ignore !== undefined && !NO.has(ignore.trim().toLowerCase()),
    names: wordsOf(labels['homeport.names'] ?? ''),
    ttlSeconds: ttlOf(labels['homeport.ttl'], refuse),
    network: labels['homeport.network']?.trim() || null,
    readyPort: readyPortOf(labels['homeport.ready'], refuse),
    ports: portsOf(labels['homeport.srv'] ?? '', refuse),
    texts: textsOf(labels['homeport.txt'] ?? '', refuse),
    problems,
  };
}

/** The Compose project or stack, or null: also of one-off containers, which are in the project but no replica. */
export function projectOf(labels: Labels): string | null {
  return labels[`${COMPOSE}project`] || labels[STACK] || null;
}

/** The Compose service that the container is a replica of; null for others and for `compose run`. */
export function composeService(labels: Labels): ComposeService | null {
  const project = projectOf(labels);
  const service = labels[`${COMPOSE}service`];
  const isOneOff = labels[`${COMPOSE}oneoff`]?.toLowerCase() === 'true';
  return project === null || !service || isOneOff ? null : { project, service };
}

/** Words separated by commas or spaces. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

type Refuse = (label: string, way: string) => null;

function ttlOf(text: string | undefined, refuse: Refuse): number | null {
  if (text === undefined) return null;
  const isWhole = /^\d{1,10}$/.test(text.trim()) && Number(text) <= MAX_TTL_SECONDS;
  return isWhole ? Number(text) : refuse('homeport.ttl', 'write whole seconds, such as 5');
}

function readyPortOf(text: string | undefined, refuse: Refuse): number | null {
  if (text === undefined) return null;
  const port = portOf(/^tcp:(\d{1,5})$/.exec(text.trim())?.[1]);
  return port ?? refuse('homeport.ready', 'write tcp: and a port, such as tcp:27017');
}

function portsOf(text: string, refuse: Refuse): NamedPort[] {
  return wordsOf(text).flatMap((word) => {
    const [, service = '', digits] =
      /^(_[a-z0-9-]{1,62}\._(?:tcp|udp|sctp))[=:](\d{1,5})$/i.exec(word) ?? [];
    const port = portOf(digits);
    if (port !== undefined) return [{ service: service.toLowerCase(), port }];
    refuse('homeport.srv', `"${word}" is no service; write _mongodb._tcp=27017`);
    return [];
  });
}

function textsOf(text: string, refuse: Refuse): string[] {
  return text.split('\n').filter((line) => {
    if (Buffer.byteLength(line) <= MAX_TEXT_BYTES) return line !== '';
    refuse('homeport.txt', 'one string of TXT holds at most 255 bytes; write several lines');
    return false;
  });
}

function portOf(digits: string | undefined): number | undefined {
  const port = Number(digits);
  return port > 0 && port <= 0xffff ? port : undefined;
}
