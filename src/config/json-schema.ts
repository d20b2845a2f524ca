/** The configuration's JSON Schema, for editors that complete and check YAML. */
import { z } from 'zod';
import { fileSchema } from './schema.ts';

/** A JSON Schema (draft 2020-12) of the file. It knows forms; `homeport config check` knows the rest. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(fileSchema, { io: 'input' }),
    title: 'homeport configuration',
    patternProperties: { '^x-': { description: 'Ignored: a place for YAML anchors.' } },
  };
}
