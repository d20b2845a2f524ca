/** Files that come with the program: beside it in a package, inside it in a single executable. */
import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import { UNIT_NAMES, type UnitTexts } from './plan/change.ts';

/** The text of a shipped file, by its path in the package: `systemd/homeport.service`. */
export function shippedText(path: string): string {
  return isSea()
    ? getAsset(path, 'utf8')
    : readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

export function shippedUnits(): UnitTexts {
  const texts = UNIT_NAMES.map((name) => [name, shippedText(`systemd/${name}`)]);
  // Each name is there once.
  return Object.fromEntries(texts) as UnitTexts;
}
