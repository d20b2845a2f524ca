/** Looks into data of unknown form: what is there is given, what is malformed is passed over. Pure. */

/** A value and the path to it. */
export interface Item<T> {
  readonly path: readonly PropertyKey[];
  readonly value: T;
}

/** The value at a path; undefined where there is none. Never throws. */
export function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

export function hasKey(data: unknown, path: readonly PropertyKey[]): boolean {
  return valueAt(data, path) !== undefined;
}

export function textAt(data: unknown, path: readonly PropertyKey[]): Item<string> | undefined {
  const value = valueAt(data, path);
  return typeof value === 'string' ? { path, value } : undefined;
}

/** The items of the list at a path; none where there is no list. */
export function itemsAt(data: unknown, path: readonly PropertyKey[]): readonly Item<unknown>[] {
  const list = valueAt(data, path);
  if (!Array.isArray(list)) return [];
  return list.map((value: unknown, index) => ({ path: [...path, index], value }));
}

/** Those items that are texts. */
export function textsAt(data: unknown, path: readonly PropertyKey[]): readonly Item<string>[] {
  return itemsAt(data, path).flatMap(({ path: at, value }) =>
    typeof value === 'string' ? [{ path: at, value }] : [],
  );
}

/** Keys and values of the mapping at a path; none where there is no mapping. */
export function entriesAt(
  data: unknown,
  path: readonly PropertyKey[],
): readonly (readonly [string, unknown])[] {
  const value = valueAt(data, path);
  return isMapping(value) ? Object.entries(value) : [];
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
