import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';

/** Error code of a connection that the address check refused. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

/** IPv4 networks inside a machine, a company or a cloud, or of no use at all (IANA's special-purpose registry). */
const IPV4_NETWORKS = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  // The last one is a cloud provider's metadata service on a public address.
  ...['224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'],
];

/** Everything outside 2000::/3, which holds the public addresses, and what is special inside it. */
const IPV6_NETWORKS = ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** Whether an IP address is one that a request must not reach; what is not an IP address is refused, too. */
export type AddressCheck = (address: string) => boolean;

/** Makes the check. Mapped IPv4 addresses (`::ffff:0:0/96`) are judged as IPv4; translated ones (NAT64) are refused. */
export function createAddressCheck(): AddressCheck {
  const ipv4 = new BlockList();
  const ipv6 = new BlockList();
  for (const network of IPV4_NETWORKS) addTo(ipv4, network, 'ipv4');
  for (const network of IPV6_NETWORKS) addTo(ipv6, network, 'ipv6');
  return (address) => {
    const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1] ?? address;
    const family = isIP(mapped);
    if (family === 4) return ipv4.check(mapped, 'ipv4');
    return family === 0 || ipv6.check(mapped, 'ipv6');
  };
}

function addTo(list: BlockList, network: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', prefix] = network.split('/');
  list.addSubnet(address, Number(prefix), family);
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/**
 * A lookup for sockets that refuses a name as soon as one of its addresses is refused. It runs as the connection is made, so that a
 * name cannot point elsewhere between check and use.
 */
export function createGuardedLookup(isRefused: AddressCheck) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const [first] = addresses;
      if (first === undefined || addresses.some(({ address }) => isRefused(address))) {
        return callback(Object.assign(new Error('not a public address'), { code: ADDRESS_REFUSED }), []);
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
