import { BlockList, isIP } from "node:net";

/** What is not the public internet: this machine, its networks, and what is no single host. IANA special-purpose registries. */
const notPublic4 = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12], ["192.0.0.0", 24], ["192.0.2.0", 24], ["192.88.99.0", 24],
  ["192.168.0.0", 16], ["198.18.0.0", 15], ["198.51.100.0", 24], ["203.0.113.0", 24], ["224.0.0.0", 3],
] as const) notPublic4.addSubnet(net, bits, "ipv4");
// A list of its own: in one list, IPv4 addresses would be matched by the IPv6 rules too, as ::ffff:0:0/96.
const notPublic6 = new BlockList();
// Of IPv6 only 2000::/3 is public, without documentation, Teredo and 6to4 (both carry an IPv4 address).
for (const [net, bits] of [["::", 3], ["4000::", 2], ["8000::", 1], ["2001::", 23], ["2001:db8::", 32], ["2002::", 16], ["3fff::", 20]] as const) notPublic6.addSubnet(net, bits, "ipv6");

export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  // With a zone (fe80::1%eth0) it is link-local, whatever stands before.
  if (version === 0 || address.includes("%")) return false;
  return version === 4 ? !notPublic4.check(address, "ipv4") : !notPublic6.check(address, "ipv6");
}

export interface AllowList {
  hosts: ReadonlySet<string>;
  hasNetworks: boolean;
  holds(address: string): boolean;
}

const network = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i;

/** Host names, addresses and networks (`10.1.0.0/16`, `fd00::/8`). Throws an Error that names an entry that is none of them. */
export function readAllowList(entries: readonly string[]): AllowList {
  const hosts = new Set<string>();
  const lists = { 4: new BlockList(), 6: new BlockList() };
  let networks = 0;
  for (const entry of entries) {
    const [, address = "", prefix] = network.exec(entry) ?? [];
    const version = isIP(address);
    if (version === 4 || version === 6) {
      const widest = version === 4 ? 32 : 128;
      const bits = prefix === undefined ? widest : Number(prefix);
      if (bits > widest) throw new Error(`${JSON.stringify(entry)} is no network.`);
      lists[version].addSubnet(address, bits, `ipv${version}`);
      networks += 1;
    } else if (/^(?!-)[a-z0-9.-]+$/i.test(entry)) hosts.add(entry.toLowerCase().replace(/\.$/, ""));
    else throw new Error(`${JSON.stringify(entry)} is no host, address or network.`);
  }
  return {
    hosts,
    hasNetworks: networks > 0,
    holds(address) {
      const version = isIP(address);
      return !address.includes("%") && ((version === 4 && lists[4].check(address, "ipv4")) || (version === 6 && lists[6].check(address, "ipv6")));
    },
  };
}
