/**
 * resolv.conf as BIND's tools read it (lib/irs/resconf.c, 9.18): words from a stream rather than lines, so
 * an empty `search` takes the next line for its list; and anything malformed refuses the whole file.
 */
import { isIP } from 'node:net';
import { inetAton, ipv6WithScope } from '../inet.ts';
import type { ResolvConf } from '../resolv-conf.ts';
import { type Reading, ReadingBuilder, setting } from './reading.ts';

const maxNameservers = 3;
const maxDomains = 8;
const maxNumber = 255;
const defaultServers = ['::1', '127.0.0.1'];

export interface BindReading extends Reading {
  /** dig, host and nslookup end at once: `parse of /etc/resolv.conf failed` */
  readonly isRefused: boolean;
}

/** Reads a file as dig and host do; `attempts` is 3 where the file has none. Never throws. */
export function readAsBindTool(conf: ResolvConf | undefined): BindReading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 3 });
  const words = new Words(conf?.text ?? '');
  let isRefused = false;
  for (let keyword = words.next(); keyword !== undefined; keyword = words.next()) {
    if (keyword === '') continue;
    const read = keywords.get(keyword);
    if (read === undefined) words.skipLine();
    else isRefused = !read(reading, words) || isRefused;
  }
  reading.finishNameservers(maxNameservers, defaultServers);
  return { ...reading.build(), isRefused };
}

/** Reads what follows a keyword. @returns whether it could be read */
type Read = (reading: ReadingBuilder, words: Words) => boolean;

const readers = {
  nameserver(reading, words) {
    const { line } = words;
    const word = words.next() ?? '';
    if (word === '' || !words.endsLine()) return false;
    const address = inetAton(word) ?? ipv6WithScope(word);
    if (address === undefined) return false;
    reading.nameservers.push({ address, line });
    return true;
  },
  domain(reading, words) {
    const { line } = words;
    const word = words.next() ?? '';
    if (word === '' || !words.endsLine()) return false;
    reading.setSearch([word], line);
    return true;
  },
  search(reading, words) {
    const { line } = words;
    const domains = words.rest();
    reading.setSearch(domains.slice(0, maxDomains), line);
    return domains.length > 0;
  },
  options(reading, words) {
    const { line } = words;
    const options = words.rest();
    return options.length > 0 && options.every((option) => readOption(reading, option, line));
  },
  // `address/mask`, the mask as an address, too; a prefix length is refused
  sortlist(_, words) {
    const pairs = words.rest();
    return pairs.length > 0 && pairs.every((pair) => pair.split('/').every(isAddress));
  },
} satisfies Readonly<Record<string, Read>>;

const keywords: ReadonlyMap<string, Read> = new Map(Object.entries(readers));

function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

function readOption(reading: ReadingBuilder, option: string, line: number): boolean {
  const [, name = '', text = ''] = /^(ndots|timeout|attempts):(.*)$/s.exec(option) ?? [];
  if (name === '') return true;
  const value = text === '' ? 0 : Number(/^[+]?\d+$/.test(text) ? text : Number.NaN);
  if (Number.isNaN(value) || value > maxNumber) return false;
  if (name === 'ndots') reading.ndots = setting(value, line);
  // 0 stands for the default
  else if (name === 'timeout' && value > 0) reading.timeoutMs = setting(value * 1000, line);
  else if (name === 'attempts' && value > 0) reading.attempts = setting(value, line);
  return true;
}

/** isspace(3); `\s` would take a byte order mark for one. */
const space = /[ \t\n\v\f\r]/;
const blank = /[ \t\v\f\r]/;

/** The words of a file. Comments begin wherever a word could, and count as white space. */
class Words {
  line = 1;
  readonly #text: string;
  #at = 0;
  /** what ended the last word; `''` at the end of the file */
  #stop = '';

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns the next word, `''` where a line ends before one begins, undefined at the end of the file */
  next(): string | undefined {
    this.#skipBlanks();
    const start = this.#at;
    while (this.#at < this.#text.length && !space.test(this.#text.charAt(this.#at))) this.#at++;
    const word = this.#text.slice(start, this.#at);
    this.#stop = this.#take();
    return word === '' && this.#stop === '' ? undefined : word;
  }

  /** All words up to the end of the line. */
  rest(): readonly string[] {
    const words: string[] = [];
    for (let word = this.next(); word; word = this.next()) {
      words.push(word);
      if (this.#stop === '\n' || this.#stop === '') break;
    }
    return words;
  }

  /** Whether nothing but blanks and a comment followed the last word on its line. */
  endsLine(): boolean {
    if (this.#stop === ' ' || this.#stop === '\t') {
      this.#skipBlanks();
      this.#stop = this.#take();
    }
    return this.#stop === '\n' || this.#stop === '';
  }

  /** Skips what is left of the line. */
  skipLine(): void {
    while (this.#stop !== '\n' && this.#stop !== '') this.#stop = this.#take();
  }

  #skipBlanks(): void {
    while (blank.test(this.#text.charAt(this.#at))) this.#at++;
    if (!/[;#]/.test(this.#text.charAt(this.#at))) return;
    while (this.#at < this.#text.length && this.#text.charAt(this.#at) !== '\n') this.#at++;
  }

  #take(): string {
    const taken = this.#text.charAt(this.#at++);
    if (taken === '\n') this.line++;
    return taken;
  }
}
