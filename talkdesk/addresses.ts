import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';

/** Error code of a connection that the address check refused. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

/** IPv4 networks that no public API lives in: this network, private, shared, loopback, link-local (metadata), special, multicast. */
const IPV4_NETWORKS: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // A cloud provider's metadata service on a public address.
  ['168.63.129.16', 32],
];

/** The same for IPv6: unspecified, loopback, discard, transition and documentation ranges, unique local, link-local, multicast. */
const IPV6_NETWORKS: readonly (readonly [string, number])[] = [
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

/** Whether an IP address is one that a request to Talkdesk must never reach. */
export type AddressCheck = (address: string) => boolean;

/** Makes the check. IPv4 addresses are also recognised inside mapped (`::ffff:`) and NAT64 (`64:ff9b::`) IPv6 addresses. */
export function createAddressCheck(): AddressCheck {
  const refused = new BlockList();
  for (const [network, prefix] of IPV4_NETWORKS) {
    refused.addSubnet(network, prefix, 'ipv4');
    const [a = 0, b = 0, c = 0, d = 0] = network.split('.').map(Number);
    const groups = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
    refused.addSubnet(`64:ff9b::${groups}`, 96 + prefix, 'ipv6');
  }
  for (const [network, prefix] of IPV6_NETWORKS) refused.addSubnet(network, prefix, 'ipv6');
  return (address) => {
    const family = isIP(address);
    return family === 0 || refused.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/**
 * A lookup for sockets that refuses a name as soon as one of its addresses is refused. It runs as the connection is made, so that
 * a name cannot point elsewhere between check and use.
 */
export function createGuardedLookup(isRefused: AddressCheck) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const first = addresses[0];
      if (first === undefined || addresses.some(({ address }) => isRefused(address)))
        return callback(addressRefused(), []);
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function addressRefused(): NodeJS.ErrnoException {
  return Object.assign(new Error('The address is not a public one.'), { code: ADDRESS_REFUSED });
}
