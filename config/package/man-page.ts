/** homeport(8), from the commands' own help and a few words that no help has. */
import type { CommandNode } from './command-tree.ts';

/** Prints the manual page in man(7). */
export function manPage(tree: CommandNode, version: string): string {
  const commands = tree.commands.flatMap((node) => commandText(node));
  return [
    `.TH HOMEPORT 8 "" "homeport ${version}" "System Administration"`,
    '.SH NAME',
    'homeport \\- plain service names of containers for a CI host',
    '.SH SYNOPSIS',
    ...tree.commands.map(({ path, usage }) => `.B ${roff(path)}\n${roff(usage)}\n.br`),
    '.SH DESCRIPTION',
    roff(
      "homeport is the DNS server of a host that runs containers: it watches the Docker engine, answers plain service names with the containers' addresses, and forwards everything else, bare names with production's search domain.",
    ),
    '.PP',
    roff(
      "Installing the package changes nothing about how the host resolves names. 'homeport host plan' shows what would change, 'homeport host install' changes it, 'homeport host verify' proves it, and 'homeport host uninstall', like the removal of the package, brings every file back byte for byte.",
    ),
    '.SH COMMANDS',
    ...commands,
    '.SH FILES',
    ...file('/etc/homeport.yaml', "The configuration; 'homeport config schema' describes it."),
    ...file(
      '/var/lib/homeport-host/',
      'What an install on the host has changed, and how it was before. Root only writes here.',
    ),
    ...file('/run/homeport/control.sock', 'Where the other commands reach the server.'),
    '.SH UNITS',
    ...file(
      'homeport.socket',
      'The addresses 127.53.0.1 (for the host) and 169.254.53.53 (for containers), port 53. Stop this unit to stop homeport: with the service alone stopped, the next query starts it again.',
    ),
    ...file('homeport.service', 'The server.'),
    ...file(
      'homeport-fallback.service',
      "While homeport is down, the host's former servers answer for everything but the region; it is switched on and off by the other two. What systemd has given up is started again after 30 seconds.",
    ),
    ...file(
      'homeport-flush.path, homeport-flush.service',
      'Empty the caches of systemd-resolved and nscd when homeport asks for it (flush: in its configuration), which has no right to do it itself.',
    ),
    '.SH EXIT STATUS',
    ...file('0', 'done; found'),
    ...file('1', 'failed; refused; a check failed'),
    ...file('2', 'no such name or data; something could not be checked'),
    ...file('3', 'no server answers'),
    ...file('64', 'wrong use'),
    ...file('78', 'wrong configuration'),
    '.SH SEE ALSO',
    '.BR resolv.conf (5),',
    '.BR systemd-resolved.service (8),',
    '.BR dockerd (8)',
    '',
  ].join('\n');
}

function commandText(node: CommandNode): readonly string[] {
  const own = [
    `.SS ${roff(node.path.replace(/^homeport /, ''))} ${roff(node.usage)}`,
    `${roff(capital(node.description))}.`,
    ...node.options.flatMap(({ flags, description }) => [
      '.TP',
      `.B ${roff(flags)}`,
      roff(description),
    ]),
  ];
  return [...own, ...node.commands.flatMap(commandText)];
}

function file(name: string, text: string): readonly string[] {
  return ['.TP', `.B ${roff(name)}`, roff(text)];
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** A line that begins with a dot or an apostrophe would be a request; hyphens are options. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}
