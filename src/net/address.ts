// Which hosts are on the public internet, as far as a host's name or address tells.

import ipaddr from "ipaddr.js";

/** Names that mean this machine or a local network; each stands for all names below it too. RFC 6761, 6762, 8375, 9476, ICANN. */
const LOCAL_NAMES = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "home.arpa",
];

/** All that is given out of IPv6 lies in here; ipaddr.js knows only the exceptions by name. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Why a host is not public, null when it is. `hostname` is that of a parsed URL: the parser has turned decimal, octal,
 * hexadecimal and short forms, full-width digits and percent signs into four plain numbers, and refuses zone ids.
 */
export function whyNotPublic(hostname: string): string | null {
  const host = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (ipaddr.isValid(host)) return whyNotPublicAddress(ipaddr.parse(host));
  const labels = host.toLowerCase().split(".");
  if (labels.includes("")) return "its name has an empty part";
  if (labels.length === 1) return "a name without a dot is a local one";
  const local = LOCAL_NAMES.find((name) => `.${labels.join(".")}`.endsWith(`.${name}`));
  return local === undefined ? null : `names under .${local} are local`;
}

/** An IPv4 address within one of IPv6 (mapped, translated, 6to4, Teredo) is refused whatever it is: no public host needs it. */
function whyNotPublicAddress(address: ipaddr.IPv4 | ipaddr.IPv6): string | null {
  const range = address.range();
  if (range !== "unicast") return `its address is not public (${range})`;
  const isGlobal = address.kind() === "ipv4" || address.match(GLOBAL_IPV6);
  return isGlobal ? null : "its address is not public (reserved)";
}
