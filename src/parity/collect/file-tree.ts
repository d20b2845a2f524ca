/**
 * Reading single files of a host or a container, with limits: what the collectors need of either.
 * Nothing is executed and nothing written.
 */

/** A file as it was found. */
export type FileRead =
  | { readonly kind: 'read'; readonly bytes: Buffer; readonly path: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** A directory tree: the host's, or a container's. */
export interface FileTree {
  /**
   * Reads a file, following symbolic links inside the tree. Never rejects.
   *
   * @param path absolute
   * @param maxBytes more than that is `unreadable`
   * @returns `path` is where the links led to
   */
  read(path: string, maxBytes: number): Promise<FileRead>;
  /** Whether something (links followed) is there; `undefined` where that cannot be told. */
  has(path: string): Promise<boolean | undefined>;
  /** The bytes of a file from its start, for a search; ends after `maxBytes`. Rejects where it cannot be read. */
  scan(path: string, maxBytes: number): AsyncIterable<Buffer>;
}

/** A text file's content, or what is wrong with it. */
export type TextRead =
  | { readonly kind: 'text'; readonly text: string; readonly path: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** resolv.conf, nsswitch.conf, host.conf: kilobytes, and a container may write what it likes; a list of blocked hosts has megabytes. */
export const MAX_TEXT_BYTES: number = 128 * 1024;
export const MAX_HOSTS_BYTES: number = 16 * 1024 * 1024;

/** Reads a text file; a NUL byte makes it no text. Never rejects. */
export async function readText(
  tree: FileTree,
  path: string,
  maxBytes: number = MAX_TEXT_BYTES,
): Promise<TextRead> {
  const read = await tree.read(path, maxBytes);
  if (read.kind !== 'read') return read;
  const binary = read.bytes.indexOf(0);
  if (binary >= 0) {
    return { kind: 'unreadable', why: `is no text: a NUL byte at offset ${binary}` };
  }
  return { kind: 'text', text: read.bytes.toString('utf8'), path: read.path };
}
