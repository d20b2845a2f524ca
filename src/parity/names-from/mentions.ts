/** The host names that a configuration file uses, each with its line. Reads text; the caller reads files. */
import { isMap, isScalar, LineCounter, type Node, type Pair, parseAllDocuments, visit } from 'yaml';
import { messageOf } from '../../errors.ts';
import { type HostMention, hostsIn } from './hosts-in.ts';

/** Where a name was found. */
export interface Mention extends HostMention {
  readonly file: string;
  /** counted from 1 */
  readonly line: number;
  /** the dotted path or the key of the setting; empty where there is none */
  readonly key: string;
}

/** What scanning one file gave. */
export interface Scan {
  readonly mentions: readonly Mention[];
  /** how the file was read other than its name promised; one line */
  readonly note?: string;
}

/** Keys whose `name:number` is a version or an owner, not a host and port. */
const NEVER_HOSTS = new Set(['image', 'from', 'tag', 'version', 'user', 'container_name']);
/** In a Compose file, these describe the containers themselves, not what the application connects to. */
const COMPOSE_OWN = new Set([
  ...['build', 'ports', 'expose', 'volumes', 'networks', 'hostname', 'extra_hosts', 'links'],
  ...['devices', 'tmpfs', 'secrets', 'configs', 'depends_on', 'dns', 'dns_search'],
]);
const LOCAL = new Set(['localhost', 'ip6-localhost', 'host.docker.internal']);

/**
 * The host names in a configuration file: YAML, JSON and Compose files by their structure; TOML,
 * .env and properties line by line. Never throws.
 *
 * Line by line means: a value must stand on the line of its key or alone on its own; of TOML's and
 * properties' values that go over several lines, each line is read by itself.
 *
 * @param file its name, which decides the format and is repeated in the result
 */
export function mentionsIn(file: string, text: string): Scan {
  if (!/\.(?:ya?ml|json)$/i.test(file)) return { mentions: inLines(file, text) };
  try {
    return { mentions: inYaml(file, text) };
  } catch (error) {
    // A template ({{ .Values.x }}) is no YAML, yet its lines are worth reading.
    const note = `${file} is no YAML or JSON (${firstLine(messageOf(error))}); read line by line`;
    return { mentions: inLines(file, text), note };
  }
}

function inYaml(file: string, text: string): readonly Mention[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter, uniqueKeys: false });
  const mentions: Mention[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const isCompose = isMap(document.contents) && isMap(document.contents.get('services'));
    visit(document, {
      Pair: (_, pair) => (isSkipped(keyOf(pair), isCompose) ? visit.SKIP : undefined),
      Scalar: (role, node, path) => {
        if (role === 'key' || typeof node.value !== 'string') return;
        const keys = path.flatMap((step) => keyOfPair(step));
        const line = lineCounter.linePos(node.range?.[0] ?? 0).line;
        // A file inside the file (a ConfigMap's), its first line below the `|`.
        if (node.value.trimEnd().includes('\n')) {
          mentions.push(...inBlock(file, node.value, line, keys));
          return;
        }
        const found = hostsOf(node.value, keys.at(-1) ?? '').map((host) => ({ host, keys }));
        // A Compose environment may be a list of KEY=value, a command one of --key=value.
        const [, name, value = ''] = /^(?:--?)?([A-Za-z_][\w.-]*)=(.*)$/s.exec(node.value) ?? [];
        if (found.length === 0 && name !== undefined) {
          const own = [...keys, name];
          found.push(...hostsOf(value, name).map((host) => ({ host, keys: own })));
        }
        for (const { host, keys: own } of found) {
          mentions.push({ ...host, file, line, key: printable(own.join('.')) });
        }
      },
    });
  }
  return mentions;
}

function inBlock(
  file: string,
  text: string,
  line: number,
  keys: readonly string[],
): readonly Mention[] {
  return inLines(file, text).map((mention) => ({
    ...mention,
    line: line + mention.line,
    key: printable([...keys, mention.key].filter((key) => key !== '').join('.')),
  }));
}

/** Keys are shown on terminals: a control character would be obeyed there. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '?');
}

function inLines(file: string, text: string): readonly Mention[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const content = withoutComment(raw);
    const [, , key = '', value = content] =
      /^\s*(?:export\s+)?(?:-\s+)?(["']?)([\w.-]+)\1\s*(?:=|:(?=\s))\s*(.*)$/.exec(content) ?? [];
    if (isSkipped(key, false)) return [];
    return stringsIn(value).flatMap((string) =>
      hostsOf(string, key).map((mention) => ({ ...mention, file, line: index + 1, key })),
    );
  });
}

/** The quoted strings of a value, or the value itself; brackets of an inline array are dropped. */
function stringsIn(value: string): readonly string[] {
  const quoted = [...value.matchAll(/"([^"]*)"|'([^']*)'/g)].map(([, a, b]) => a ?? b ?? '');
  return quoted.length > 0 ? quoted : [value.replace(/^\s*\[|\]\s*,?\s*$/g, '').replace(/\\$/, '')];
}

/** A `#` or `;` at the start, and ` #` after a value; a `#` inside quotes or a URL stays. */
function withoutComment(line: string): string {
  if (/^\s*[#!;]/.test(line)) return '';
  return /["']/.test(line) ? line.replace(/(["'\]])\s*#[^"']*$/, '$1') : line.replace(/\s#.*$/, '');
}

function hostsOf(value: string, key: string): readonly HostMention[] {
  return hostsIn(value, key).filter(({ host }) => !LOCAL.has(host));
}

function isSkipped(key: string, isCompose: boolean): boolean {
  return NEVER_HOSTS.has(key) || (isCompose && COMPOSE_OWN.has(key));
}

function keyOf(pair: Pair<unknown, unknown>): string {
  return isScalar(pair.key) ? String(pair.key.value) : '';
}

function keyOfPair(step: Node | Pair<unknown, unknown> | object): readonly string[] {
  return 'key' in step && isScalar(step.key) ? [String(step.key.value)] : [];
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.replace(/:$/, '') ?? text;
}
