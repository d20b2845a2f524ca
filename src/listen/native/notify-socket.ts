/** A datagram to a unix socket by its path: what sd_notify(3) needs and Node cannot send. */
import { HomeportError } from '../../errors.ts';
import { errorName } from './error-name.ts';
import { type Kernel, openKernel } from './kernel.ts';
import { Memory, type Region } from './memory.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_NOSIGNAL = 0x4000;
/** `struct sockaddr_un`: a 16-bit family, then the path (unix(7)). */
const PATH_OFFSET = 2;
const MAX_PATH_BYTES = 108;
const MAX_MESSAGE_BYTES = 1024;

/** Sends text to one unix datagram socket. */
export class NotifySocket {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #memory: Memory;
  readonly #address: Region;
  readonly #addressBytes: number;
  readonly #message: Region;

  /**
   * @param path of the socket; a leading `@` means the abstract namespace
   * @throws HomeportError NATIVE_UNAVAILABLE
   */
  constructor(path: string) {
    this.#kernel = openKernel();
    this.#memory = new Memory(this.#kernel, PATH_OFFSET + MAX_PATH_BYTES + MAX_MESSAGE_BYTES + 16);
    this.#address = this.#memory.take(PATH_OFFSET + MAX_PATH_BYTES);
    this.#message = this.#memory.take(MAX_MESSAGE_BYTES);
    const bytes = Buffer.from(path.replace(/^@/, '\0'));
    if (bytes.length > MAX_PATH_BYTES) {
      throw new HomeportError('NATIVE_UNAVAILABLE', `"${path}" is too long for a unix socket`);
    }
    this.#memory.bytes.writeUInt16LE(AF_UNIX, this.#address.offset);
    bytes.copy(this.#memory.bytes, this.#address.offset + PATH_OFFSET);
    this.#addressBytes = PATH_OFFSET + bytes.length;
    this.#fd = this.#kernel.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (this.#fd < 0) {
      throw new HomeportError('NATIVE_UNAVAILABLE', `no unix socket: ${errorName(this.#fd)}`);
    }
  }

  /** Sends one message. @returns undefined, or the name of the error */
  send(text: string): string | undefined {
    const length = this.#memory.bytes.write(text, this.#message.offset, MAX_MESSAGE_BYTES, 'utf8');
    const { address: message } = this.#message;
    const { address } = this.#address;
    const sent = this.#kernel.sendto(
      this.#fd,
      message,
      length,
      MSG_NOSIGNAL,
      address,
      this.#addressBytes,
    );
    return sent < 0 ? errorName(sent) : undefined;
  }

  close(): void {
    this.#kernel.close(this.#fd);
  }
}
