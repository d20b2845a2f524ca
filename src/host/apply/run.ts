/** What one run of install or uninstall carries along. */
import type { Machine } from '../machine.ts';
import { type Manifest, type RecordedFile, writeManifest } from './manifest.ts';

export interface RunOptions {
  readonly machine: Machine;
  /** false: a folder that stands for a host; nothing answers there. */
  readonly isRealHost: boolean;
  /** The engine may be restarted. */
  readonly mayRestartEngine: boolean;
  /** Told of each thing that is done, for a person to read. */
  readonly onProgress: (line: string) => void;
}

export class Run {
  readonly machine: Machine;
  readonly isRealHost: boolean;
  readonly mayRestartEngine: boolean;
  readonly manifest: Manifest;
  readonly progress: (line: string) => void;
  /** What was not done, or otherwise than planned, one sentence each. */
  readonly remarks: string[] = [];

  constructor(manifest: Manifest, options: RunOptions) {
    this.manifest = manifest;
    this.machine = options.machine;
    this.isRealHost = options.isRealHost;
    this.mayRestartEngine = options.mayRestartEngine;
    this.progress = options.onProgress;
  }

  /** Puts what will be done next on the disk. */
  record(): void {
    writeManifest(this.machine, this.manifest);
  }

  remark(line: string): void {
    if (!this.remarks.includes(line)) this.remarks.push(line);
  }
}

/** Whether a text was put there by us: by an install, or by a script of ours later on. */
export function isOurs(file: RecordedFile, text: string): boolean {
  if (text === file.text || file.alsoOurs?.includes(text) === true) return true;
  return file.ownMark !== undefined && text.startsWith(file.ownMark);
}
