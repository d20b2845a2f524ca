/** The forms of values in the configuration: zod types whose every error says what is wrong and what to write. */
import { z } from 'zod';
import type { Fault, Parsed } from './problem.ts';
import { nearest } from './suggest.ts';

/** zod carries one string an issue; ours has two parts. */
const SEPARATOR = '\u0000';

/** Puts message and way out into zod's one string. */
export function packFault({ message, wayOut }: Fault): string {
  return `${message}${SEPARATOR}${wayOut}`;
}

/** The two parts of an issue's string, or undefined for a string of zod's own. */
export function unpackFault(text: string): Fault | undefined {
  const at = text.indexOf(SEPARATOR);
  return at < 0 ? undefined : { message: text.slice(0, at), wayOut: text.slice(at + 1) };
}

/** Text that a parser of ours understands. */
export function text<T>(
  what: string,
  example: string,
  parse: (text: string) => Parsed<T>,
): z.ZodString {
  return z
    .string({ error: () => packFault({ message: `is not ${what}`, wayOut: `write ${example}` }) })
    .superRefine((value, context) => {
      const result = parse(value);
      if ('fault' in result) {
        context.addIssue({ code: 'custom', message: packFault(result.fault) });
      }
    })
    .meta({ examples: [example] });
}

export function wholeNumber(what: string, min: number, max: number, example: number): z.ZodInt {
  const error = (): string =>
    packFault({
      message: `is not ${what} from ${min} to ${max}`,
      wayOut: `write ${example}`,
    });
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function yesOrNo(): z.ZodBoolean {
  return z.boolean({
    error: () => packFault({ message: 'is neither true nor false', wayOut: 'write true or false' }),
  });
}

export function listOf<T extends z.ZodType>(item: T, example: string): z.ZodArray<T> {
  return z.array(item, {
    error: () => packFault({ message: 'is not a list', wayOut: `write ${example}` }),
  });
}

export function mapping<T extends z.core.$ZodLooseShape>(
  shape: T,
  example: string,
): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'invalid_type'
        ? packFault({ message: 'is not a mapping of keys', wayOut: `write ${example}` })
        : undefined,
  });
}

/** One of a few words; a near miss is told apart. */
export function oneOf<const T extends readonly string[]>(
  words: T,
): z.ZodEnum<z.core.util.ToEnum<T[number]>> {
  return z.enum(words, {
    error: ({ input }) => {
      const near = typeof input === 'string' ? nearest(input, words) : undefined;
      const all = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
      return packFault({
        message: `is not ${all}`,
        wayOut: near === undefined ? `write ${words[0]}` : `did you mean ${near}?`,
      });
    },
  });
}
