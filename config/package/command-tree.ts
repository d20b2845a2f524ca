/** The commands of homeport as data, so that the manual and the completions cannot differ from the program. */
import type { Command, Option } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { processTerminal } from '../../src/cli/terminal.ts';

export interface CommandNode {
  /** `homeport host install`. */
  readonly path: string;
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  readonly options: readonly OptionNode[];
  readonly takesNames: boolean;
  readonly commands: readonly CommandNode[];
}

export interface OptionNode {
  readonly short: string | undefined;
  readonly long: string;
  /** As in the help: `--config <file>`. */
  readonly flags: string;
  readonly description: string;
  readonly takesValue: boolean;
  readonly takesFile: boolean;
  readonly choices: readonly string[];
}

/** Reads the whole tree from the program itself. */
export async function commandTree(): Promise<CommandNode> {
  const never = (): Promise<number> => Promise.reject(new Error('not run here'));
  // Both names are there so that both load what is below them.
  const program = await buildProgram(['parity', 'host'], processTerminal(), never, () => undefined);
  return nodeOf(program, '');
}

function nodeOf(command: Command, parents: string): CommandNode {
  const path = `${parents}${command.name()}`;
  return {
    path,
    name: command.name(),
    usage: command.usage(),
    description: command.description(),
    options: command.options.filter(({ hidden }) => !hidden).map(optionOf),
    takesNames: command.registeredArguments.some((argument) => /name/i.test(argument.name())),
    commands: command.commands.map((inner) => nodeOf(inner, `${path} `)),
  };
}

function optionOf(option: Option): OptionNode {
  return {
    short: option.short,
    long: option.long ?? option.short ?? '',
    flags: option.flags,
    description: option.description,
    takesValue: option.required || option.optional,
    takesFile: /<(file|socket|directory)/.test(option.flags),
    choices: option.argChoices ?? [],
  };
}
