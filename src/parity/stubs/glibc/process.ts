/** One lookup inside a glibc process: its reading of resolv.conf, its resolver state, its clock. */
import { aliasOf } from '../../../resolv-conf/host-aliases.ts';
import type { Reading } from '../../../resolv-conf/readings/reading.ts';
import type { Situation } from '../stub.ts';
import type { Wire } from '../wire.ts';
import { GlibcSender } from './send.ts';

export class GlibcProcess {
  readonly situation: Situation;
  readonly reading: Reading;
  readonly wire: Wire;
  readonly #sender: GlibcSender;

  constructor(situation: Situation, reading: Reading, wire: Wire, firstServer: number) {
    this.situation = situation;
    this.reading = reading;
    this.wire = wire;
    this.#sender = new GlibcSender(reading, wire, firstServer);
  }

  /** The thread's resolver state: one for all modules, so a fallback to single requests lasts. */
  sender(): GlibcSender {
    return this.#sender;
  }

  /** The name that HOSTALIASES maps a bare name to. */
  hostAlias(name: string): string | undefined {
    const path = this.situation.env.HOSTALIASES;
    return path === undefined ? undefined : aliasOf(this.situation.files[path], name);
  }
}
