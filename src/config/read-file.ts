/** Reads the text of a configuration file, or says in one line why there is none. */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { codeOf, messageOf } from '../errors.ts';
import type { ConfigProblem, Fault } from './problem.ts';

export type FileReading = { readonly text: string } | { readonly problem: ConfigProblem };

/** A thousand records fit into 100 kB. */
const MAX_FILE_BYTES = 4 << 20;

/**
 * Reads a file that should be a configuration. Never throws.
 *
 * @param file as the user gave it; messages name it so
 */
export function readConfigFile(file: string): FileReading {
  try {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    const fault = kindFault(statSync(file));
    if (fault !== undefined) return { problem: problem(file, fault) };
    const descriptor = openSync(file, 'r');
    try {
      const late = kindFault(fstatSync(descriptor));
      if (late !== undefined) return { problem: problem(file, late) };
      return decoded(file, readFileSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return { problem: problem(file, errorFault(error)) };
  }
}

function kindFault(stats: {
  isDirectory(): boolean;
  isFile(): boolean;
  size: number;
}): Fault | undefined {
  if (stats.isDirectory()) return { message: 'is a directory', wayOut: 'give the file inside it' };
  if (!stats.isFile()) return { message: 'is no ordinary file', wayOut: 'give a file of text' };
  if (stats.size > MAX_FILE_BYTES) {
    const message = `has ${stats.size} bytes, which is no configuration of homeport`;
    return { message, wayOut: `give a file of at most ${MAX_FILE_BYTES} bytes` };
  }
  return undefined;
}

function decoded(file: string, bytes: Buffer): FileReading {
  const fault = textFault(bytes);
  if (fault !== undefined) return { problem: problem(file, fault) };
  return { text: bytes.toString('utf8') };
}

function textFault(bytes: Buffer): Fault | undefined {
  const isUtf16 =
    bytes.length >= 2 && [0xfeff, 0xfffe].includes(bytes.readUInt16BE(0)) && bytes.length % 2 === 0;
  if (isUtf16) return { message: 'is UTF-16', wayOut: 'save it as UTF-8' };
  if (bytes.includes(0)) return { message: 'is binary, not text', wayOut: 'give a YAML file' };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.trim() !== '') return undefined;
    return { message: 'is empty', wayOut: 'write {} for the defaults, or leave the file out' };
  } catch {
    return { message: 'is not UTF-8', wayOut: 'save it as UTF-8' };
  }
}

function errorFault(error: unknown): Fault {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { message: 'there is no such file', wayOut: 'check the path, or write the file' };
    case 'EACCES':
    case 'EPERM':
      return { message: 'may not be read by this user', wayOut: 'change its mode or its owner' };
    case 'ELOOP':
      return { message: 'is a symbolic link in a circle', wayOut: 'let it point to a file' };
    default:
      return { message: `cannot be read: ${messageOf(error)}`, wayOut: 'check the path' };
  }
}

function problem(file: string, fault: Fault): ConfigProblem {
  return { where: file, path: '', ...fault, value: null };
}
