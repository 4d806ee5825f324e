import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPublicUrl } from "../../src/net/public-fetch";

const strict = { allowLocal: false };
const check = (host: string) => checkPublicUrl(`https://${host}/path`, strict);
const refused = expect.objectContaining({ code: "url_not_allowed", retryable: false });

const LOCAL = [
  // Loopback, unspecified, and all the ways to write them
  [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
  ],
  [
    "127.0.0.1.",
    "0x7f.0x0.0x0.0x1",
    "１２７.0.0.1",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "0",
    "0.0.0.0",
    "0.1.2.3",
    "[::1]",
    "[::]",
  ],
  [
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:0:127.0.0.1]",
  ],
  // Private, link-local, carrier NAT
  [
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "3232235777",
    "0xA9FEA9FE",
  ],
  [
    "169.254.169.254",
    "169.254.0.1",
    "0251.0376.0251.0376",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
  ],
  [
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[febf::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
  ],
  // Documentation, benchmarks, multicast, reserved, broadcast
  ["192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "198.19.255.255", "192.0.0.8", "192.88.99.1"],
  [
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[ff02::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[2001:2::1]",
  ],
  ["[100::1]", "[4000::1]", "[8000::1]", "[5f00::1]"],
  // IPv4 within IPv6: NAT64, 6to4, Teredo
  ["[64:ff9b::10.0.0.1]", "[64:ff9b::8.8.8.8]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2002:a00:1::1]"],
  [
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[::ffff:169.254.169.254]",
    "[::ffff:0a00:0001]",
    "[::ffff:8.8.8.8]",
  ],
  // Names
  [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "app.localhost",
    "a.b.localhost.",
    "localhost.localdomain",
    "printer.local",
  ],
  [
    "metadata.google.internal",
    "metadata.google.internal.",
    "router.lan",
    "nas.home.arpa",
    "wiki.intranet",
    "db",
    "db.",
    "git.corp",
  ],
  ["ⓛocalhost", "local%68ost", "example..com", "example.com..", ".example.com"],
].flat();

const PUBLIC = [
  [
    "example.com",
    "example.com.",
    "EXAMPLE.com",
    "sub.example.co.uk",
    "münchen.example.org",
    "xn--mnchen-3ya.example.org",
  ],
  [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.1.1",
    "100.63.0.1",
    "100.128.0.1",
    "169.253.1.1",
    "11.0.0.1",
  ],
  [
    "134744072",
    "[2606:4700:4700::1111]",
    "[2a00:1450:4001::200e]",
    "localhost.example.com",
    "local.example.com",
    "internal.dev",
  ],
].flat();

describe("a host that is not on the public internet", () => {
  it.each(LOCAL)("is refused: %s", (host) => {
    expect(() => check(host)).toThrow(refused);
  });

  it("is refused in every notation of every private address", () => {
    fc.assert(
      fc.property(privateAddress, fc.nat(NOTATIONS.length - 1), (address, which) => {
        const host = NOTATIONS[which]?.(address) ?? "";
        expect(() => check(host), host).toThrow(refused);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is refused for every IPv6 address outside of what is given out, and for the exceptions within it", () => {
    const group = fc.nat(0xffff).map((part) => part.toString(16));
    const rest = fc.array(group, { minLength: 7, maxLength: 7 });
    const first = fc.nat(0xffff).filter((part) => part >> 13 !== 1 || part === 0x2002);
    fc.assert(
      fc.property(first, rest, (head, tail) => {
        expect(() => check(`[${[head.toString(16), ...tail].join(":")}]`)).toThrow(refused);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a public host", () => {
  it.each(PUBLIC)("is allowed: %s", (host) => {
    expect(check(host).pathname).toBe("/path");
  });
});

/** Each range with its first address and its size. */
const RANGES: [first: number, bits: number][] = [
  [0x00000000, 24],
  [0x0a000000, 24],
  [0x64400000, 22],
  [0x7f000000, 24],
  [0xa9fe0000, 16],
  [0xac100000, 20],
  [0xc0a80000, 16],
  [0xc6120000, 17],
  [0xe0000000, 28],
  [0xf0000000, 28],
];
const privateAddress = fc
  .tuple(fc.constantFrom(...RANGES), fc.nat(0xffffffff))
  .map(([[first, bits], offset]) => first + (offset % 2 ** bits));

const parts = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff);
const dotted = (address: number) => parts(address).join(".");
const hex = (value: number) => value.toString(16);
const groups = (address: number) => `${hex(address >>> 16)}:${hex(address & 0xffff)}`;

const NOTATIONS: ((address: number) => string)[] = [
  dotted,
  (address) => `${dotted(address)}.`,
  (address) => String(address),
  (address) => `0x${hex(address)}`,
  (address) => `0${address.toString(8)}`,
  (address) =>
    parts(address)
      .map((part) => `0x${hex(part)}`)
      .join("."),
  (address) =>
    parts(address)
      .map((part) => `0${part.toString(8)}`)
      .join("."),
  (address) => `${address >>> 24}.${address & 0xffffff}`,
  (address) => `${address >>> 24}.${(address >>> 16) & 0xff}.${address & 0xffff}`,
  (address) => dotted(address).replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
  (address) => dotted(address).replace(/\d/g, (digit) => `%3${digit}`),
  (address) => `[::${dotted(address)}]`,
  (address) => `[::ffff:${dotted(address)}]`,
  (address) => `[::ffff:${groups(address)}]`,
  (address) => `[::ffff:0:${groups(address)}]`,
  (address) => `[64:ff9b::${dotted(address)}]`,
  (address) => `[2002:${groups(address)}::1]`,
  (address) => `[2001:0:4136:e378:8000:63bf:${groups(~address >>> 0)}]`,
];
