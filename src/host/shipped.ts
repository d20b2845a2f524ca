/** Files that come with the program: beside it in a package, inside it in a single executable. */
import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import type { UnitTexts } from './plan/change.ts';

/** The text of a shipped file, by its path in the package: `systemd/homeport.service`. */
export function shippedText(path: string): string {
  return isSea()
    ? getAsset(path, 'utf8')
    : readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

export function shippedUnits(): UnitTexts {
  return {
    'homeport.service': shippedText('systemd/homeport.service'),
    'homeport.socket': shippedText('systemd/homeport.socket'),
    'homeport-fallback.service': shippedText('systemd/homeport-fallback.service'),
  };
}
