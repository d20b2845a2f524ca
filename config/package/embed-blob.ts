/**
 * Puts a blob into a copy of Node where Node looks for it (doc/api/single-executable-applications.md): an
 * ELF note in a segment of its own, and a byte of Node's that says that there is one.
 */
const NOTE_NAME = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
/** elf(5): where the header of a 64-bit file has the place and length of its program header table. */
const TABLE_OFFSET = 32;
const TABLE_LENGTH = 56;
/** And where an entry of that table has what. */
const ENTRY = {
  type: 0,
  flags: 4,
  offset: 8,
  address: 16,
  physical: 24,
  fileSize: 32,
  memorySize: 40,
  alignment: 48,
};
const ENTRY_BYTES = 56;
const PT_LOAD = 1;
const PT_NOTE = 4;
const PT_PHDR = 6;
const PF_R = 4;
/** The largest page of the machines that homeport runs on (arm64). */
const PAGE = 0x10000;

/**
 * Gives a copy of the executable with the blob inside.
 *
 * @param node a 64-bit little-endian ELF executable with Node's fuse
 * @throws Error where it is something else
 */
export function embedBlob(node: Buffer, blob: Buffer): Buffer {
  if (node.toString('latin1', 0, 6) !== '\x7fELF\x02\x01')
    throw new Error('this Node is no 64-bit little-endian ELF file');
  const entries = Array.from({ length: node.readUInt16LE(TABLE_LENGTH) }, (_, index) => {
    const at = number(node, TABLE_OFFSET) + index * ENTRY_BYTES;
    return node.subarray(at, at + ENTRY_BYTES);
  });
  const loads = entries.filter((entry) => typeOf(entry) === PT_LOAD);
  if (loads.length === 0) throw new Error('this Node has no segments');
  const base = Math.min(
    ...loads.map((entry) => number(entry, ENTRY.address) - number(entry, ENTRY.offset)),
  );
  const end = Math.max(
    ...loads.map((entry) => number(entry, ENTRY.address) + number(entry, ENTRY.memorySize)),
  );
  // As far into the file as into memory: older kernels find the table so (fs/binfmt_elf.c before 5.18).
  const offset = roundUp(Math.max(node.length, end - base), PAGE);
  const table = Buffer.alloc(roundUp((entries.length + 1) * ENTRY_BYTES, 16));
  const note = noteOf(blob);
  const segment = (type: number, from: number, bytes: number, alignment: number): Buffer =>
    entryOf(type, offset + from, base + offset + from, bytes, alignment);
  const rebuilt = entries.flatMap((entry) => {
    // The note of the build is read by debuggers alone.
    if (typeOf(entry) === PT_NOTE) return [];
    if (typeOf(entry) === PT_PHDR) return [segment(PT_PHDR, 0, table.length, 8)];
    // Their addresses ascend, and the new one is behind all others.
    if (entry === loads.at(-1))
      return [entry, segment(PT_LOAD, 0, table.length + note.length, PAGE)];
    return [entry];
  });
  rebuilt.push(segment(PT_NOTE, table.length, note.length, 4));
  Buffer.concat(rebuilt).copy(table);
  const out = Buffer.concat([node, Buffer.alloc(offset - node.length), table, note]);
  out.writeBigUInt64LE(BigInt(offset), TABLE_OFFSET);
  out.writeUInt16LE(rebuilt.length, TABLE_LENGTH);
  blowFuse(out);
  return out;
}

function typeOf(entry: Buffer): number {
  return entry.readUInt32LE(ENTRY.type);
}

function number(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function entryOf(
  type: number,
  offset: number,
  address: number,
  bytes: number,
  alignment: number,
): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.writeUInt32LE(type, ENTRY.type);
  entry.writeUInt32LE(PF_R, ENTRY.flags);
  for (const [at, value] of [
    [ENTRY.offset, offset],
    [ENTRY.address, address],
    [ENTRY.physical, address],
    [ENTRY.fileSize, bytes],
    [ENTRY.memorySize, bytes],
    [ENTRY.alignment, alignment],
  ] as const) {
    entry.writeBigUInt64LE(BigInt(value), at);
  }
  return entry;
}

/** Name and description, each to a multiple of four (elf(5), Notes). */
function noteOf(blob: Buffer): Buffer {
  const name = Buffer.alloc(roundUp(NOTE_NAME.length + 1, 4));
  name.write(NOTE_NAME);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(NOTE_NAME.length + 1, 0);
  head.writeUInt32LE(blob.length, 4);
  return Buffer.concat([head, name, blob, Buffer.alloc(roundUp(blob.length, 4) - blob.length)]);
}

/** `FUSE:0` becomes `FUSE:1`; a second one, or none, means that this is not the Node that it should be. */
function blowFuse(executable: Buffer): void {
  const at = executable.indexOf(`${FUSE}:0`);
  if (at < 0 || executable.includes(`${FUSE}:0`, at + 1))
    throw new Error("this Node has no room for a program of one's own");
  executable.write('1', at + FUSE.length + 1, 'latin1');
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
