/** A test host with homeport's package, its configuration, and a container that production has too. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { importBusybox } from '../../support/engine/images.ts';
import { type Manager, TestHost, until } from './host.ts';
import { buildPackages } from './packages.ts';

export const REGION = 'us-east-1.domain.com';
/** Runs on the host, and in production too. */
export const OWNED = 'mongodb-cluster-a-node-1';
/** Must run on the host, does not, and runs in production. */
export const MISSING = 'mongodb-cluster-a-node-2';
export const PRODUCTION = '198.51.100.7';
/** A name of the rest of the world, and its address. */
export const WORLD = 'example.com';
export const WORLD_ADDRESS = '203.0.113.10';

export const config = `region: ${REGION}
expected:
  names: [${OWNED}, ${MISSING}]
`;

/** A file that was always root's 644 would come back as such by accident. */
const OWN_RESOLV_CONF = `chown 12:34 /etc/resolv.conf
chmod 664 /etc/resolv.conf
setfattr -n user.note -v 'ask the network team' /etc/resolv.conf
touch -d 2001-02-03T04:05:06.789 /etc/resolv.conf`;

/** Boots; the package is at /root/homeport.deb, the newer one beside it. */
export async function preparedHost(manager: Manager): Promise<TestHost> {
  const packages = buildPackages();
  const host = new TestHost(manager);
  try {
    await host.boot();
    if (manager === 'plain') await host.output(OWN_RESOLV_CONF);
    copyFileSync(packages.debian, host.path('/root/homeport.deb'));
    copyFileSync(packages.newerDebian, host.path('/root/newer.deb'));
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}

/** Installs the package and writes the configuration; nothing of the host's resolver changes by that. */
export async function withPackage(host: TestHost): Promise<void> {
  await host.output('dpkg -i /root/homeport.deb');
  writeFileSync(host.path('/etc/homeport.yaml'), config);
}

/** Starts the container that owns a name, and gives its address. */
export async function startOwner(host: TestHost, name = OWNED): Promise<string> {
  await until(20_000, 'the engine', async () => (await host.run('docker version')).code === 0);
  await importBusybox(host.path('/run/docker.sock'), 'bb');
  await host.output(`docker rm -f ${name} 2>/dev/null; docker run -d --name ${name} bb`);
  return host.output(`docker inspect --format '{{.NetworkSettings.IPAddress}}' ${name}`);
}

/** The first address that a process of the host gets for a name, as getaddrinfo gives it. */
export async function lookUp(host: TestHost, name: string): Promise<string | undefined> {
  const { stdout } = await host.run(`getent ahosts ${name}`);
  return stdout.split(/\s/)[0] || undefined;
}
