/** Completions for bash, zsh and fish: commands, options and their choices, and the names that homeport holds. */
import type { CommandNode, OptionNode } from './command-tree.ts';

/** What completes a name: quick, and silent where no server runs. */
const NAMES = 'homeport names --json 2>/dev/null | sed -n \'s/^ *"name": "\\(.*\\)",*$/\\1/p\'';

/** All commands, the deeper ones too, with the words that lead to each. */
function all(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.commands.flatMap(all)];
}

export function bashCompletion(tree: CommandNode): string {
  const cases = all(tree).map((node) => {
    const words = [...node.commands.map(({ name }) => name), ...node.options.flatMap(spellings)];
    const names = node.takesNames ? ` $(${NAMES})` : '';
    return `    '${node.path}') words="${words.join(' ')}${names}" ;;`;
  });
  const files = unique(
    all(tree).flatMap(({ options }) =>
      options.filter(({ takesFile }) => takesFile).map(({ long }) => long),
    ),
  );
  const choices = all(tree)
    .flatMap(({ options }) => options)
    .filter((option) => option.choices.length > 0)
    .map(
      ({ long, choices }) =>
        `    ${long}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current")); return ;;`,
    );
  return `# bash completion for homeport
_homeport() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path=homeport word words=
  case $previous in
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
${unique(choices).join('\n')}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${all(tree)
        .slice(1)
        .map(({ path }) => `'${path}'`)
        .join('|')}) path="$path $word" ;;
    esac
  done
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _homeport homeport
`;
}

export function zshCompletion(tree: CommandNode): string {
  const functions = all(tree).map((node) => {
    const options = node.options.map(zshOption);
    const commands = node.commands.map(
      ({ name, description }) => `'${name}:${zshText(description)}'`,
    );
    if (commands.length === 0) {
      const names = node.takesNames ? ` '*:name:(\${(f)"$(${NAMES})"})'` : " '*:file:_files'";
      return `${zshName(node)}() {\n  _arguments -s ${options.join(' ')}${names}\n}`;
    }
    const calls = node.commands.map((inner) => `    ${inner.name}) ${zshName(inner)} ;;`);
    return `${zshName(node)}() {
  local line state
  _arguments -s -C ${options.join(' ')} '1:command:->command' '*::argument:->argument'
  case $state in
    command) _values command ${commands.map((text) => text.replace(/^'([^:]+):(.*)'$/, "'$1[$2]'")).join(' ')} ;;
    argument) case $line[1] in
${calls.join('\n')}
    esac ;;
  esac
}`;
  });
  return `#compdef homeport\n${functions.join('\n')}\n_homeport "$@"\n`;
}

function zshName({ path }: CommandNode): string {
  return `_${path.replaceAll(/[ -]/g, '_')}`;
}

function zshOption({ long, description, takesValue, takesFile, choices }: OptionNode): string {
  const value = !takesValue
    ? ''
    : choices.length > 0
      ? `:value:(${choices.join(' ')})`
      : takesFile
        ? ':file:_files'
        : ':value:';
  return `'${long}[${zshText(description)}]${value}'`;
}

function zshText(text: string): string {
  return text.replaceAll("'", '’').replaceAll(/[[\]:]/g, (mark) => `\\${mark}`);
}

export function fishCompletion(tree: CommandNode): string {
  const lines = ['# fish completion for homeport', 'complete -c homeport -f'];
  for (const node of all(tree)) {
    const words = node.path.split(' ').slice(1);
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const none =
      node.commands.length === 0
        ? []
        : [`not __fish_seen_subcommand_from ${node.commands.map(({ name }) => name).join(' ')}`];
    const condition = [...seen, ...none].join('; and ');
    const when = condition === '' ? '' : ` -n '${condition}'`;
    for (const { name, description } of node.commands) {
      lines.push(`complete -c homeport${when} -a ${name} -d '${fishText(description)}'`);
    }
    for (const option of node.options) {
      const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
      const value = !option.takesValue
        ? ''
        : option.choices.length > 0
          ? ` -x -a '${option.choices.join(' ')}'`
          : option.takesFile
            ? ' -r -F'
            : ' -x';
      lines.push(
        `complete -c homeport${when} -l ${option.long.slice(2)}${short}${value} -d '${fishText(option.description)}'`,
      );
    }
    if (node.takesNames)
      lines.push(
        `complete -c homeport${when} -a "(${NAMES.replaceAll('"', '\\"').replaceAll('$', '\\$')})"`,
      );
  }
  return `${lines.join('\n')}\n`;
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}

function spellings({ short, long }: OptionNode): readonly string[] {
  return short === undefined || short === long ? [long] : [short, long];
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
