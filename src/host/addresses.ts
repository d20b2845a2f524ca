/** The two addresses at which a host's processes and containers reach homeport, and the files it owns on the host. */

/** For the host: 127/8 is on every Linux, and systemd-resolved has 127.0.0.53 and .54. It does not cache what comes from 127/8. */
export const HOST_ADDRESS = '127.53.0.1';

/**
 * For containers, and for hosts whose resolv.conf the engine copies: an address on `lo` that is not
 * 127/8 is reached from every network, exists before docker0, and shows the client's own address.
 */
export const CONTAINER_ADDRESS = '169.254.53.53';

export const OWN_ADDRESSES: readonly string[] = [HOST_ADDRESS, CONTAINER_ADDRESS];

export const RESOLV_CONF = '/etc/resolv.conf';
/** Root's own, unlike /var/lib/homeport, which belongs to the service's user: what is here is executed and restored as root. */
export const STATE_FOLDER = '/var/lib/homeport-host';
export const MANIFEST_FILE: string = `${STATE_FOLDER}/manifest.json`;
/** Copies of files that somebody edited, as they were before an undo. */
export const KEPT_FOLDER: string = `${STATE_FOLDER}/kept`;
/** Whom homeport forwards to, where no manager keeps a file of it. */
export const UPSTREAM_FILE: string = `${STATE_FOLDER}/upstream.resolv.conf`;
/** Options for `homeport serve`, read by the unit. */
export const OPTIONS_FILE: string = `${STATE_FOLDER}/serve.env`;
export const FALLBACK_SCRIPT: string = `${STATE_FOLDER}/fallback`;
/** Undoes an install without homeport, for a host from which the program was taken away. */
export const UNDO_SCRIPT: string = `${STATE_FOLDER}/undo`;
/** Held by the fallback script while it switches. */
export const FALLBACK_LOCK = '/run/homeport-fallback.lock';
export const CONFIG_FILE = '/etc/homeport.yaml';

export const RESOLVED_STUB = '127.0.0.53';
/** Where systemd-resolved answers: its stub, and its proxy without a search list. */
export const RESOLVED_LISTENERS: readonly string[] = [RESOLVED_STUB, '127.0.0.54'];
export const RESOLVED_UPLINK_FILE = '/run/systemd/resolve/resolv.conf';
export const NETWORK_MANAGER_FILE = '/run/NetworkManager/resolv.conf';
export const RESOLVCONF_FILE = '/run/resolvconf/resolv.conf';
