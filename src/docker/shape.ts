/** Reads engine JSON of any shape: what is missing or of another type is simply absent. Pure. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as an object, or an empty one: older and newer engines leave out what others send as null. */
export function objectAt(value: unknown, key: string): JsonObject {
  const inner = isObject(value) ? value[key] : undefined;
  return isObject(inner) ? inner : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string, or '' for everything else: engines treat the two alike. */
export function textAt(value: unknown, key: string): string {
  const inner = isObject(value) ? value[key] : undefined;
  return typeof inner === 'string' ? inner : '';
}

/** The strings of an array; none where it is null or missing. */
export function textsAt(value: unknown, key: string): readonly string[] {
  return arrayAt(value, key).filter((item) => typeof item === 'string');
}

export function arrayAt(value: unknown, key: string): readonly unknown[] {
  const inner = isObject(value) ? value[key] : undefined;
  return Array.isArray(inner) ? inner : [];
}

export function numberAt(value: unknown, key: string): number {
  const inner = isObject(value) ? value[key] : undefined;
  return typeof inner === 'number' && Number.isFinite(inner) ? inner : 0;
}

/** The string values of an object, as labels are. */
export function labelsAt(value: unknown, key: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null);
  for (const [name, label] of Object.entries(objectAt(value, key))) {
    if (typeof label === 'string') labels[name] = label;
  }
  return labels;
}
